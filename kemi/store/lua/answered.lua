-- answered: the callee answered; the call rings no more and is a confirmed dialog between two devices.
-- KEYS[1]  prefix of the tenant
-- ARGV     id, ms for which a directed pickup is told "already answered", dialog ttl_ms,
--          caller's device, its state ('1' talking, '0' on hold), callee's device, its state,
--          agents that take part (blank-separated), agent who answered for a group ('' none), his wrap-up in ms,
--          the callee's end of the dialog (packed), for a pickup that crosses this answer,
--          caller's party, callee's party, callee tag
-- returns  1 done
--          0 there was no such ringing call: confirmed all the same, unless the answer is one that was repeated
--          2 too late: the caller's device has taken a picker instead, or has ended its call for one, or the picker's
--            device has answered
local function answered(keys, args)
  local prefix, id = keys[1], args[1]
  local call_key = key(prefix, 'call', id)
  local place, gone = place_of(call_key)
  local number, agent = place and place.n, args[9]
  if place and place.d then return 2 end
  if gone == PICKED then
    -- Its CANCEL may be ahead of its 200 to the picker: `picked` is still to come, and to end this.
    redis.call('HSET', call_key, 'h', args[11])
    return 2
  end
  if number then
    forget(prefix, id, place)
    mark_taken(prefix, 'answered', number, args[2])
    if place.k == 'a' then count(prefix, number, 'answered') end
    -- A picker is on the way to the caller's device, which is the judge of that race (RFC 3891 §3).
    if place.c then mark_gone(prefix, id, ANSWERED, place.c, args[11]) end
  else
    -- A 200 that is repeated leaves the mark as it is.
    if gone == ANSWERED or redis.call('EXISTS', key(prefix, 'talk', id)) == 1 then return 0 end
    mark_gone(prefix, id)
  end
  if agent ~= '' then redis.call('HDEL', key(prefix, 'agent', agent), 'missed') end
  local wrap_up = agent ~= '' and agent .. ' ' .. args[10] or ''
  confirm(prefix, id, args[3], args[4], args[5], args[6], args[7], args[8], wrap_up,
    { args[12], args[13], args[14], number or '' })
  return number and 1 or 0
end
