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
-- parties: {caller's, callee's, callee tag, account by which the callee was called}.
local function confirm(prefix, id, ttl_ms, caller, caller_state, callee, callee_state, agents, wrap_up, parties)
  if caller == '' and callee == '' then return end
  local talk = key(prefix, 'talk', id)
  redis.call('HSET', talk, 'caller', caller, 'callee', callee, 'agents', agents, 'wrap_up', wrap_up,
    'caller_party', parties[1], 'callee_party', parties[2], 'callee_tag', parties[3], 'routed_to', parties[4])
  redis.call('PEXPIRE', talk, ttl_ms)
  engage(prefix, id, caller, caller_state, ttl_ms)
  engage(prefix, id, callee, callee_state, ttl_ms)
  watch(prefix, id, agents, tonumber(ttl_ms))
  occupy(prefix, id, parties, tonumber(ttl_ms))
end

-- A dialog ends; its devices and agents are free of it, an agent group's agent after his wrap-up. Whether there was one.
local function finish(prefix, id)
  local talk = key(prefix, 'talk', id)
  local f = fields(talk, 'caller', 'callee', 'agents', 'wrap_up', 'caller_party', 'callee_party')
  if not f[1] then return false end
  for end_of_it = 1, 2 do
    if f[end_of_it] ~= '' then redis.call('HDEL', key(prefix, 'device', f[end_of_it]), id) end
  end
  if f[3] ~= '' or f[4] ~= '' then
    local now = now_us()
    unwatch(prefix, id, f[3])
    each_word(f[3], function(agent) redis.call('HSET', key(prefix, 'agent', agent), 'idle_since', now) end)
    local agent, wrap_up_ms = string.match(f[4], '^(%S+) (%d+)$')
    if agent then redis.call('HSET', key(prefix, 'agent', agent), 'wrap_until', now + wrap_up_ms * 1000) end
  end
  redis.call('DEL', talk)
  occupy(prefix, id, { f[5] or '', f[6] or '' })
  return true
end
