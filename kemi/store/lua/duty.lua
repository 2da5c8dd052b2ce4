-- duty: an agent logs in or out.
-- KEYS[1]  prefix of the tenant
-- ARGV     agent's extension number, '1' in or '0' out
-- returns  1 changed
--          0 was so already
local function duty(keys, args)
  local name = key(keys[1], 'agent', args[1])
  if args[2] == '1' then
    redis.call('HDEL', name, 'missed')
    local changed = redis.call('HDEL', name, 'out')
    if changed == 1 then redis.call('HSET', name, 'idle_since', now_us()) end
    return changed
  end
  return redis.call('HSET', name, 'out', 1)
end
