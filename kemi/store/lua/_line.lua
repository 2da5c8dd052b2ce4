-- A ringing or waiting call's places in line, and the agents that it keeps busy.

local HYGIENE_US = 86400000000 -- an entry older than a day is a ghost that a crash left
local WAITING = 'w' -- state of a call that waits in an agent group's queue
local SUSPENDED, TOLD = '1', '2' -- how far a caller who waits is: his node can take him up; he has heard that he waits
local QUEUE_BRANCH = '99' -- the queue's own early dialog: no branch has this number, so it never fails
local HELD = 'h' -- it is on its way out of the queue: in no line

-- Agents that take part in a call are not idle.
local function watch(prefix, id, agents, ttl_ms)
  each_word(agents, function(agent)
    local busy = key(prefix, 'busy', agent)
    redis.call('SADD', busy, id)
    lengthen(busy, ttl_ms)
  end)
end

local function unwatch(prefix, id, agents)
  each_word(agents, function(agent) redis.call('SREM', key(prefix, 'busy', agent), id) end)
end

-- The calls and dialogs that keep an agent busy, and the ghosts among what is noted: nobody saw those end.
local function calls_of(prefix, agent)
  local live, ghosts = {}, {}
  for _, id in ipairs(redis.call('SMEMBERS', key(prefix, 'busy', agent))) do
    local exists = redis.call('EXISTS', key(prefix, 'call', id), key(prefix, 'talk', id)) > 0
    local list = exists and live or ghosts
    list[#list + 1] = id
  end
  return live, ghosts
end

-- What says where a call stands: its fields by name, or nil when there is no such call; and the mark of one that is gone.
local function place_of(call_key)
  local f = fields(call_key, 'k', 'n', 'p', 'm', 'g', 's', 'w', 'N', 'c', 'd', 'gone')
  if not f[1] then return nil, f[11] end
  return { k = f[1], n = f[2], p = f[3], m = f[4], g = f[5], s = f[6], w = f[7], N = f[8], c = f[9], d = f[10] }, f[11]
end

-- The sets in which a call of this place stands.
local function sets_of(prefix, place)
  if not place or place.s == HELD then return {} end
  if place.s == WAITING then
    return { key(prefix, 'waiting', place.n), key(prefix, 'by_permission', WAITING, place.p) }
  end
  local sets = { key(prefix, 'by_number', place.n), key(prefix, 'by_permission', place.k, place.p) }
  if place.g then each_word(place.m, function(m) sets[#sets + 1] = key(prefix, 'by_member', m) end) end
  return sets
end

-- A line is kept for longer than this call needs: so the next call finds it long enough, and leaves it alone.
local SPARE_MS = 10000

local function join_line(sets, id, routed_at_us, ttl_ms)
  for _, set in ipairs(sets) do
    redis.call('ZADD', set, routed_at_us, id)
    local left_ms = redis.call('PTTL', set)
    if left_ms < ttl_ms then
      redis.call('PEXPIRE', set, ttl_ms + SPARE_MS)
      if left_ms >= 0 then redis.call('ZREMRANGEBYSCORE', set, '-inf', routed_at_us - HYGIENE_US) end
    end
  end
end

local function leave_line(sets, id)
  for _, set in ipairs(sets) do redis.call('ZREM', set, id) end
end

-- A node that shares the store has a boot id in its name: what it holds is found when it is dead. One that does not
-- takes the store with it.
local function held_of(prefix, node)
  return string.find(node or '', '@', 1, true) and key(prefix, 'held', node)
end

local function hold(prefix, node, id, now, ttl_ms)
  local held = held_of(prefix, node)
  if held then join_line({ held }, id, now, ttl_ms) end
end

-- Back to its place in line. A call whose record has gone has no place.
local function unclaim(prefix, id)
  redis.call('ZREM', key(prefix, 'claims'), id)
  local call_key = key(prefix, 'call', id)
  local f = fields(call_key, 't', 'l', 'n')
  if not f[1] then return false end
  redis.call('HDEL', call_key, 'c', 'b', 'r', 'i')
  local taken = key(prefix, 'taken', f[3])
  if redis.call('GET', taken) == id then redis.call('DEL', taken) end
  join_line(sets_of(prefix, place_of(call_key)), id, f[1], tonumber(f[2]))
  stir(prefix, f[3])
  return true
end

-- One more (or so many) of something happened in an agent group, or ('') in the tenant.
local function count(prefix, group, statistic, more)
  redis.call('HINCRBY', key(prefix, 'stats', group), statistic, more or 1)
end

-- A claim that its node did not give back (it died) ends here, when somebody next looks.
local function expire_claims(prefix, now)
  local claims = key(prefix, 'claims')
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', claims, '-inf', now, 'LIMIT', 0, 256)) do
    if redis.call('HEXISTS', key(prefix, 'call', id), 'd') == 1 then
      redis.call('ZREM', claims, id)
    elseif unclaim(prefix, id) then
      count(prefix, '', 'claims_expired')
    end
  end
end

-- The early dialogs of the branches that `dies` names are dead. Returns how many are left.
local function drop_branches(call_key, dies)
  local early = redis.call('HGET', call_key, 'e')
  if not early then return 0 end
  local kept = {}
  for line in string.gmatch(early, '[^\n]+') do
    if not dies(string.match(line, '^%d+')) then kept[#kept + 1] = line end
  end
  redis.call('HSET', call_key, 'e', table.concat(kept, '\n'))
  return #kept
end

-- Everything of a call that rings or waits goes. place: of the call, if it is known already.
local function forget(prefix, id, place)
  local call_key = key(prefix, 'call', id)
  place = place or place_of(call_key)
  if not place then return end
  leave_line(sets_of(prefix, place), id)
  unwatch(prefix, id, place.w)
  if place.k == 'a' then redis.call('ZREM', key(prefix, 'due', place.N), id) end
  if place.c then redis.call('ZREM', key(prefix, 'claims'), id) end
  local held = held_of(prefix, place.N)
  if held then redis.call('ZREM', held, id) end
  redis.call('DEL', call_key)
  stir(prefix, place.n)
end

-- What crosses the end of a call finds a mark in its place: an `enter` that comes late (two workers crossed), a callee's
-- answer to a call that was picked up, a pickup of a call that was answered.
local MARK_MS = '5000'
local OVER, PICKED, ANSWERED = '1', 'p', 'a'

-- token: of the claim that the call was under; callee: its answer, as `picked` returns it.
local function mark_gone(prefix, id, how, token, callee)
  local call_key = key(prefix, 'call', id)
  redis.call('HDEL', call_key, 'e')
  redis.call('HSET', call_key, 'gone', how or OVER, 'o', token or '', 'h', callee or '')
  redis.call('PEXPIRE', call_key, MARK_MS)
end

-- A directed pickup that comes a moment too late is told so.
local function mark_taken(prefix, id, number, ttl_ms)
  redis.call('SET', key(prefix, 'taken', number), id, 'PX', ttl_ms)
end
