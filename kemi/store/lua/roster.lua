-- roster: agents and groups for people to look at; changes nothing.
-- KEYS[1]  prefix of the tenant
-- ARGV     how many agents follow, their numbers, then numbers of agent groups
-- returns  {now_us, {for each agent: {field, value, …}, {KEY that keeps him busy, …}},
--          {for each group: waiting, {statistic, value, …}}}
local function roster(keys, args)
  local prefix, agents, groups = keys[1], {}, {}
  local agents_end = tonumber(args[1]) + 1
  for i = 2, agents_end do
    agents[#agents + 1] = redis.call('HGETALL', key(prefix, 'agent', args[i]))
    agents[#agents + 1] = (calls_of(prefix, args[i]))
  end
  for i = agents_end + 1, #args do
    groups[#groups + 1] = redis.call('ZCARD', key(prefix, 'waiting', args[i]))
    groups[#groups + 1] = redis.call('HGETALL', key(prefix, 'stats', args[i]))
  end
  return { string.format('%.0f', now_us()), agents, groups }
end
