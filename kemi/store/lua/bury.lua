-- bury: what a dead node held in a tenant goes: its calls, their places in line and in queues, the agents that they
-- occupied, and the claims that it was carrying out, whose calls ring on.
-- KEYS[1]  prefix of the tenant
-- ARGV     the node, calls to look at now at most
-- returns  calls that are left to look at
local function bury(keys, args)
  local prefix, node = keys[1], args[1]
  local held = key(prefix, 'held', node)
  for _, id in ipairs(redis.call('ZRANGE', held, 0, args[2] - 1)) do
    local f = fields(key(prefix, 'call', id), 'N', 'k', 'n')
    if f[1] == node then
      forget(prefix, id)
      if f[2] == 'a' then count(prefix, f[3], 'lost') end
      local taken = key(prefix, 'taken', f[3])
      if redis.call('GET', taken) == id then redis.call('DEL', taken) end
    end
    redis.call('ZREM', held, id)
  end
  for _, id in ipairs(redis.call('ZRANGE', key(prefix, 'claims'), 0, -1)) do
    local f = fields(key(prefix, 'call', id), 'i', 'd')
    if f[1] == node and not f[2] then unclaim(prefix, id) end
  end
  local left = redis.call('ZCARD', held)
  if left == 0 then redis.call('DEL', key(prefix, 'due', node)) end
  return left
end
