-- disclaim: the answer to a claim did not arrive in time. If one was made, nobody carries it out: the call is back in its
-- place.
-- KEYS[1]  prefix of the tenant
-- ARGV     claim token
-- returns  1 it was made, and is no more
--          0 there is none of that token, or its picker has the call
local function disclaim(keys, args)
  local prefix = keys[1]
  for _, id in ipairs(redis.call('ZRANGE', key(prefix, 'claims'), 0, -1)) do
    local f = fields(key(prefix, 'call', id), 'c', 'd')
    if f[1] == args[1] then return not f[2] and unclaim(prefix, id) and 1 or 0 end
  end
  return 0
end
