-- join: a call entered an agent group's queue. Nobody is offered it, or picks it up, before `ready`.
-- KEYS[1]  prefix of the tenant
-- ARGV     moment (µs) after which nobody waits for the answer any more, the call (_queue.lua),
--          most callers that may wait, agents of the group (blank-separated)
-- returns  1 in the queue
--          2 the queue is full
--          3 no agent is logged in
--          0 the call had already ended
--          4 too late: nothing was done

-- Whether as many callers wait as may. Ghosts do not count: the queue may have been a dead node's.
local function is_full(prefix, lines, most)
  local waiting = lines[1]
  if redis.call('ZCARD', waiting) < most then return false end
  for _, id in ipairs(redis.call('ZRANGE', waiting, 0, -1)) do
    if redis.call('EXISTS', key(prefix, 'call', id)) == 0 then leave_line(lines, id) end
  end
  return redis.call('ZCARD', waiting) >= most
end

local function join(keys, args)
  local prefix, id, number = keys[1], args[2], args[4]
  local most, agents = tonumber(args[AFTER_ENTRY]), args[AFTER_ENTRY + 1]
  if now_us() > tonumber(args[1]) then return 4 end
  local call_key = key(prefix, 'call', id)
  local before = fields(call_key, 'gone', 'k')
  if before[1] then
    redis.call('DEL', call_key)
    return 0
  end
  local logged_in = false
  each_word(agents, function(agent)
    logged_in = logged_in or redis.call('HEXISTS', key(prefix, 'agent', agent), 'out') == 0
  end)
  local lines = { key(prefix, 'waiting', number), key(prefix, 'by_permission', WAITING, args[5]) }
  local full = is_full(prefix, lines, most)
  if full or not logged_in then
    count(prefix, number, 'overflowed')
    return logged_in and 2 or 3
  end
  if before[2] then forget(prefix, id) end
  stand(prefix, args, now_us())
  return 1
end
