-- missed: the agents that were offered a caller did not take him; he is back at his place in the queue.
-- KEYS[1]  prefix of the tenant
-- ARGV     id, '1' when it counts against the agents (they were rung in vain) or '', misses in a row that log an agent out,
--          ms for which those agents are left in peace
-- returns  {1 waits again, 0 no such call, 2 picked up meanwhile; then each agent that was logged out}
local function missed(keys, args)
  local prefix, id = keys[1], args[1]
  local call_key = key(prefix, 'call', id)
  local f = fields(call_key, 'k', 't', 'l', 'c', 'd', 'm', 'w', 'z', 'n')
  if not f[1] then return { 0 } end
  leave_line(sets_of(prefix, place_of(call_key)), id)
  local result = { f[5] and 2 or 1 }
  local others = {}
  local rung = set_of(words(f[6]))
  for _, number in ipairs(words(f[7])) do
    if not rung[number] then others[#others + 1] = number end
  end
  each_word(f[6], function(agent)
    unwatch(prefix, id, agent)
    local name = key(prefix, 'agent', agent)
    redis.call('HSET', name, 'wrap_until', now_us() + args[4] * 1000)
    if args[2] == '1' then
      if redis.call('HINCRBY', name, 'missed', 1) >= tonumber(args[3]) then
        redis.call('HSET', name, 'out', 1)
        redis.call('HDEL', name, 'missed')
        result[#result + 1] = agent
      end
    end
  end)
  redis.call('HSET', call_key, 's', 'w', 'm', '', 'w', table.concat(others, ' '),
    'z', (f[8] or '') .. ' ' .. f[6])
  drop_branches(call_key, function(branch) return branch ~= QUEUE_BRANCH end)
  if not f[4] then join_line(sets_of(prefix, place_of(call_key)), id, f[2], tonumber(f[3])) end
  stir(prefix, f[9])
  return result
end
