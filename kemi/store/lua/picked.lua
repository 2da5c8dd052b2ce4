-- picked: the caller's phone accepted the picker. The claim now lasts until the old call has ended (`ended`, or its own ttl).
-- KEYS[1]  prefix of the tenant
-- ARGV     id, claim token, ms for which a directed pickup of the account is told "already answered", dialog ttl_ms,
--          id of the new dialog, picker's device, its state ('1' talking, '0' on hold), caller's device, its state,
--          agents that take part in it (blank-separated), agent group that counts the pickup ('' none)
-- returns  1 done
--          0 the old call has ended already, or the claim had expired (the new dialog is confirmed all the same)
local function picked(keys, args)
  local prefix, id = keys[1], args[1]
  local call_key = key(prefix, 'call', id)
  confirm(prefix, args[5], args[4], args[6], args[7], args[8], args[9], args[10], '')
  if args[11] ~= '' then
    count(prefix, args[11], 'picked_up')
    -- An agent's answer that crossed the pickup was counted too: the caller's phone hangs up on him.
    if redis.call('EXISTS', key(prefix, 'talk', id)) == 1 then count(prefix, args[11], 'answered', -1) end
  end
  local f = fields(call_key, 'c', 'n')
  if f[1] ~= args[2] then return 0 end
  mark_taken(prefix, id, f[2], args[3])
  local ttl_ms = redis.call('PTTL', call_key)
  redis.call('HSET', call_key, 'd', 1)
  redis.call('ZADD', key(prefix, 'claims'), now_us() + ttl_ms * 1000, id)
  lengthen(key(prefix, 'claims'), ttl_ms)
  return 1
end
