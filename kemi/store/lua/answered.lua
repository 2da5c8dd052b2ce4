-- answered: the callee answered; the call rings no more and is a confirmed dialog between two devices.
-- KEYS[1]  prefix of the tenant
-- ARGV     id, ms for which a directed pickup is told "already answered", dialog ttl_ms,
--          caller's device, its state ('1' talking, '0' on hold), callee's device, its state,
--          agents that take part (blank-separated), agent who answered for a group ('' none), his wrap-up in ms
-- returns  1 done
--          0 there was no such ringing call: confirmed all the same, unless the answer is one that was repeated
local function answered(keys, args)
  local prefix, id = keys[1], args[1]
  local f = fields(key(prefix, 'call', id), 'n', 'k', 'd')
  local number, agent = f[1], args[9]
  if number then
    forget(prefix, id)
    mark_taken(prefix, 'answered', number, args[2])
    -- An answer that crossed a pickup: the picker has the credit, the caller's phone hangs up on the agent.
    if f[2] == 'a' and not f[3] then count(prefix, number, 'answered') end
  else
    if redis.call('EXISTS', key(prefix, 'talk', id)) == 1 then return 0 end
    mark_gone(prefix, id)
  end
  if agent ~= '' then redis.call('HDEL', key(prefix, 'agent', agent), 'missed') end
  local wrap_up = agent ~= '' and agent .. ' ' .. args[10] or ''
  confirm(prefix, id, args[3], args[4], args[5], args[6], args[7], args[8], wrap_up)
  return number and 1 or 0
end
