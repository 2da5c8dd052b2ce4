-- ready: the caller hears that he waits (182 with a To tag) and his transaction is suspended: agents may be offered him.
-- KEYS[1]  prefix of the tenant
-- ARGV     id, To tag of the 182
-- returns  1 done
--          0 no such call
local function ready(keys, args)
  local call_key = key(keys[1], 'call', args[1])
  if not redis.call('HGET', call_key, 'k') then return 0 end
  redis.call('HSET', call_key, 'y', 1, 'e', QUEUE_BRANCH .. ' ' .. args[2], 'v', now_us())
  return 1
end
