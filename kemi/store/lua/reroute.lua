-- reroute: the claimed call is to be sent to the device that dialled; the claim is prolonged for it.
-- KEYS[1]  prefix of the tenant
-- ARGV     id, claim token, ttl_ms of the claim from now on, what is sent where (packed; `rerouted` returns it)
-- returns  1 done
--          0 the call has ended, was answered, or the claim was no longer this one's
--          2 the caller's device has given the call up for the picker
local function reroute(keys, args)
  local prefix, id = keys[1], args[1]
  local call_key = key(prefix, 'call', id)
  local f = fields(call_key, 'c', 'd', 'gone', 'o')
  if f[3] == PICKED and f[4] == args[2] then return 2 end
  if f[1] ~= args[2] or f[2] then return 0 end
  redis.call('HSET', call_key, 'r', args[4])
  redis.call('ZADD', key(prefix, 'claims'), now_us() + args[3] * 1000, id)
  lengthen(key(prefix, 'claims'), tonumber(args[3]))
  return 1
end
