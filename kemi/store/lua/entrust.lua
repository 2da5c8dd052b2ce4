-- entrust: the node that holds a claimed call takes the claim over from the node of the picker, and carries it out.
-- KEYS[1]  prefix of the tenant
-- ARGV     moment (µs) after which nobody waits for the answer any more, id, claim token, node that takes over, ttl_ms of the claim from now on
-- returns  {0}  the call has ended, was answered or picked up, is another node's, or the claim was no longer this one's
--          {1, {field, value, …}, what is remembered of the caller's device ('' nothing)}  taken over
--          {4}  too late: nothing was done
local function entrust(keys, args)
  local prefix, id = keys[1], args[2]
  local now = now_us()
  if now > tonumber(args[1]) then return { 4 } end
  local call_key = key(prefix, 'call', id)
  local f = fields(call_key, 'c', 'N', 'd', 'u', 'r', 'n')
  if f[1] ~= args[3] or f[2] ~= args[4] or f[3] or f[5] then return { 0 } end
  redis.call('HSET', call_key, 'i', args[4])
  redis.call('ZADD', key(prefix, 'claims'), now + args[5] * 1000, id)
  lengthen(key(prefix, 'claims'), redis.call('PTTL', call_key))
  mark_taken(prefix, id, f[6], args[5])
  local learnt = redis.call('GET', key(prefix, 'replaces', f[4] or ''))
  return { 1, redis.call('HGETALL', call_key), learnt or '' }
end
