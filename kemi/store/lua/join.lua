-- join: a call entered an agent group's queue. Nobody is offered it, or picks it up, before `ready`.
-- KEYS[1]  prefix of the tenant
-- ARGV     moment (µs) after which nobody waits for the answer any more, id, ttl_ms, number of the group, permission id, caller's extension number, caller (packed),
--          node that holds the transaction, transaction (index:label), CSeq of the INVITE, most callers that may wait,
--          agents of the group (blank-separated), agents that take part as callers (blank-separated),
--          '1' to index it under each agent that it rings or '', name of the caller's device
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
  local prefix, id, ttl_ms, number = keys[1], args[2], tonumber(args[3]), args[4]
  if now_us() > tonumber(args[1]) then return 4 end
  local call_key = key(prefix, 'call', id)
  local before = fields(call_key, 'gone', 'k')
  if before[1] then
    redis.call('DEL', call_key)
    return 0
  end
  local logged_in = false
  each_word(args[12], function(agent)
    logged_in = logged_in or redis.call('HEXISTS', key(prefix, 'agent', agent), 'out') == 0
  end)
  local lines = { key(prefix, 'waiting', number), key(prefix, 'by_permission', WAITING, args[5]) }
  local full = is_full(prefix, lines, tonumber(args[11]))
  if full or not logged_in then
    count(prefix, number, 'overflowed')
    return logged_in and 2 or 3
  end
  if before[2] then forget(prefix, id) end
  local now = now_us()
  local call = { 'k', 'a', 'n', number, 'p', args[5], 't', now, 'l', ttl_ms, 'f', args[6], 'm', '', 'w', args[13],
    's', 'w', 'N', args[8], 'T', args[9], 'q', args[10], 'u', args[15] }
  put_caller(call, args[7])
  redis.call('HSET', call_key, unpack(call))
  if args[14] == '1' then redis.call('HSET', call_key, 'g', 1) end
  redis.call('PEXPIRE', call_key, ttl_ms)
  watch(prefix, id, args[13], ttl_ms)
  join_line(sets_of(prefix, place_of(call_key)), id, now, ttl_ms)
  redis.call('ZADD', key(prefix, 'due', args[8]), now, id)
  lengthen(key(prefix, 'due', args[8]), ttl_ms)
  stir(prefix, number)
  return 1
end
