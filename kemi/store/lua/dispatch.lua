-- dispatch: pair waiting callers with idle agents, the longest waiting first over all groups of a tenant, and tell what
-- else is due. A caller whose transaction another node holds is left to that node; nobody overtakes him.
-- KEYS[1]  prefix of the tenant
-- ARGV     moment (µs) after which nobody waits for the answer any more, node, ms between two signs of life of a
--          waiting call, then for each agent group: number, strategy, max_wait_ms, agents in their order (blank-separated;
--          '-' before one who cannot be rung)
-- returns  {-1} too late: nothing was done
--          {number of calls of this node that wait or ring agents, action, …}, action one of
--          {'offer', id, transaction, agents}    ring these agents (blank-separated); they are reserved
--          {'expired', id, transaction}          waited too long, or no agent is logged in any more; out of the queue
-- An agent is idle who is logged in, takes part in no call, and is past his wrap-up.

local LIVES = 3 -- signs of life that may be missed before a waiting call is a ghost
local UNSAID_US = 5000000 -- a caller of whom nobody said by then that he is ready: the word was lost, his node finds out
local UNREACHABLE = '-'

local function idle_since(prefix, agent, now)
  local f = fields(key(prefix, 'agent', agent), 'out', 'wrap_until', 'idle_since')
  if f[1] or tonumber(f[2] or 0) > now then return nil end
  local live, ghosts = calls_of(prefix, agent)
  for _, id in ipairs(ghosts) do unwatch(prefix, id, agent) end
  if #live > 0 then return nil end
  return tonumber(f[3] or 0)
end

-- The idle agents; those who have missed this caller already only when there is nobody else.
local function idle_agents(prefix, group, missed, reserved, now)
  local fresh, again = {}, {}
  for position, agent in ipairs(group.agents) do
    local reachable = string.sub(agent, 1, 1) ~= UNREACHABLE and not reserved[agent]
    local since = reachable and idle_since(prefix, agent, now)
    if since then
      local list = missed[agent] and again or fresh
      list[#list + 1] = { agent = agent, since = since, position = position }
    end
  end
  return #fresh > 0 and fresh or again
end

-- Which of the idle agents the strategy rings.
local function choose(prefix, group, idle)
  if group.strategy == 'ring_all' then
    local all = {}
    for _, one in ipairs(idle) do all[#all + 1] = one.agent end
    return all
  end
  local rank
  if group.strategy == 'longest_idle' then
    rank = function(one) return one.since end
  elseif group.strategy == 'round_robin' then
    local last = tonumber(redis.call('HGET', key(prefix, 'stats', group.number), 'turn') or 0)
    rank = function(one) return one.position > last and one.position or one.position + #group.agents end
  else
    rank = function(one) return one.position end
  end
  table.sort(idle, function(a, b)
    local x, y = rank(a), rank(b)
    if x ~= y then return x < y end
    return a.position < b.position
  end)
  redis.call('HSET', key(prefix, 'stats', group.number), 'turn', idle[1].position)
  return { idle[1].agent }
end

-- The first caller of a group, unless he has waited too long or is not this node's; ghosts on the way are removed.
local function head(prefix, group)
  local waiting = key(prefix, 'waiting', group.number)
  while true do
    local first = redis.call('ZRANGE', waiting, 0, 0, 'WITHSCORES')
    if not first[1] then return nil end
    local f = fields(key(prefix, 'call', first[1]), 'N', 'y', 'T', 'z')
    if f[1] then
      return {
        id = first[1], at = tonumber(first[2]), node = f[1], said_ready = f[2] == TOLD, transaction = f[3],
        missed = set_of(words(f[4])),
      }
    end
    redis.call('ZREM', waiting, first[1])
  end
end

local function offer(prefix, call, agents)
  local call_key = key(prefix, 'call', call.id)
  leave_line(sets_of(prefix, place_of(call_key)), call.id)
  local names = table.concat(agents, ' ')
  local f = fields(call_key, 'w', 'l', 'n')
  redis.call('HSET', call_key, 's', 'r', 'm', names, 'w', f[1] .. ' ' .. names)
  watch(prefix, call.id, names, tonumber(f[2]))
  join_line(sets_of(prefix, place_of(call_key)), call.id, call.at, tonumber(f[2]))
  stir(prefix, f[3])
  return { 'offer', call.id, call.transaction, names }
end

-- Whether all agents of a group have logged out while callers wait.
local function is_deserted(prefix, group)
  for _, agent in ipairs(group.agents) do
    local number = string.gsub(agent, '^%' .. UNREACHABLE, '')
    if redis.call('HEXISTS', key(prefix, 'agent', number), 'out') == 0 then return false end
  end
  return true
end

local function pair(prefix, node, groups, now, actions)
  local open, reserved = groups, {}
  while #open > 0 do
    local first, chosen
    for i, group in ipairs(open) do
      group.head = head(prefix, group)
      if group.head and (not first or group.head.at < first.head.at) then first, chosen = group, i end
    end
    if not first then return end
    local call = first.head
    local idle = idle_agents(prefix, first, call.missed, reserved, now)
    local ready = call.said_ready or call.at + UNSAID_US < now
    local leaves = call.at + first.max_wait_us < now or (#idle == 0 and ready and is_deserted(prefix, first))
    if call.node == node and leaves then
      actions[#actions + 1] = { 'expired', call.id, call.transaction }
      leave_line(sets_of(prefix, place_of(key(prefix, 'call', call.id))), call.id)
      redis.call('HSET', key(prefix, 'call', call.id), 's', 'h')
      stir(prefix, first.number)
    else
      if #idle > 0 and call.node == node and ready then
        actions[#actions + 1] = offer(prefix, call, choose(prefix, first, idle))
      else
        -- They are his, as soon as he is ready and his node looks: no younger caller of another group gets them.
        for _, one in ipairs(idle) do reserved[one.agent] = true end
        table.remove(open, chosen)
      end
    end
  end
end

local function signs_of_life(prefix, node, now, sign_us)
  local due = key(prefix, 'due', node)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, 100)) do
    local call_key = key(prefix, 'call', id)
    if redis.call('HEXISTS', call_key, 'l') == 0 then
      redis.call('ZREM', due, id)
    else
      redis.call('ZADD', due, now + sign_us, id)
      redis.call('PEXPIRE', call_key, sign_us / 1000 * LIVES)
    end
  end
end

local function dispatch(keys, args)
  local prefix, node = keys[1], args[2]
  local now = now_us()
  if now > tonumber(args[1]) then return { -1 } end
  local actions = {}
  expire_claims(prefix, now)
  signs_of_life(prefix, node, now, args[3] * 1000)
  local groups = {}
  for i = 4, #args, 4 do
    groups[#groups + 1] = {
      number = args[i], strategy = args[i + 1], max_wait_us = args[i + 2] * 1000, agents = words(args[i + 3]),
    }
  end
  pair(prefix, node, groups, now, actions)
  table.insert(actions, 1, redis.call('ZCARD', key(prefix, 'due', node)))
  return actions
end
