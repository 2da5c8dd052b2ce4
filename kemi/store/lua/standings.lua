-- standings: where calls stand that wait at a node.
-- KEYS[1]  prefix of the tenant
-- ARGV     id, …
-- returns  the time (µs), then for each: 0 it is not known
--                                        1 in line, or claimed by a picker
--                                        2 out of the line: its node was told to ring agents for it, or to let it go
--                                        3 over
local function standings(keys, args)
  local prefix, found = keys[1], { whole(now_us()) }
  for i, id in ipairs(args) do
    local f = fields(key(prefix, 'call', id), 'k', 's', 'gone')
    if f[1] then
      found[i + 1] = f[2] == WAITING and 1 or 2
    elseif f[3] or redis.call('EXISTS', key(prefix, 'talk', id)) == 1 then
      found[i + 1] = 3
    else
      found[i + 1] = 0
    end
  end
  return found
end
