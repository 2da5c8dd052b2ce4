-- Confirmed dialogs: the devices and the agents that they keep busy.

-- One end: its device talks ('1') or holds ('0').
local function engage(prefix, id, device, state, ttl_ms)
  if device == '' then return end
  local name = key(prefix, 'device', device)
  redis.call('HSET', name, id, state)
  redis.call('PEXPIRE', name, ttl_ms)
end

-- A dialog is confirmed between two devices (flows; '' for one that is not watched). agents: those who take part.
-- wrap_up: '' or `agent ms`, the agent who serves a group's caller and how long he is not idle afterwards.
local function confirm(prefix, id, ttl_ms, caller, caller_state, callee, callee_state, agents, wrap_up)
  if caller == '' and callee == '' then return end
  local talk = key(prefix, 'talk', id)
  redis.call('HSET', talk, 'caller', caller, 'callee', callee, 'agents', agents, 'wrap_up', wrap_up)
  redis.call('PEXPIRE', talk, ttl_ms)
  engage(prefix, id, caller, caller_state, ttl_ms)
  engage(prefix, id, callee, callee_state, ttl_ms)
  watch(prefix, id, agents, tonumber(ttl_ms))
end
