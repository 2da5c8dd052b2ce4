-- answered: the callee answered; the call rings no more and is a confirmed dialog between two devices.
-- KEYS[1]  prefix of the tenant
-- ARGV     id, ms for which a directed pickup is told "already answered", dialog ttl_ms,
--          caller's device, its state ('1' talking, '0' on hold), callee's device, its state
-- returns  1 done
--          0 there was no such ringing call: confirmed all the same, unless the answer is one that was repeated
local function answered(keys, args)
  local prefix, id = keys[1], args[1]
  local number = redis.call('HGET', key(prefix, 'call', id), 'n')
  if number then
    forget(prefix, id)
    mark_taken(prefix, id, number, args[2])
  else
    if redis.call('EXISTS', key(prefix, 'talk', id)) == 1 then return 0 end
    mark_gone(prefix, id)
  end
  confirm(prefix, id, args[3], args[4], args[5], args[6], args[7])
  return number and 1 or 0
end
