-- claim: search and claim in one step, so that two pickers never get one call.
-- KEYS[1]  prefix of the tenant
-- ARGV     moment (µs) after which nobody waits for the answer any more, picker's extension number, claim token, claim ttl_ms, number to pick up from ('' general),
--          kind code of that number ('' general), devices to look for an unheld call on (blank-separated; '' do not look),
--          calls already tried (blank-separated ids), permission ids that admit the picker: hunt groups, extensions,
--          agent groups (three arguments, each blank-separated),
--          '1' when a directed pickup includes calls that ring the extension as a group's member,
--          id of the one call that is wanted of that number ('' whichever is first),
--          denied attempts a minute past which nothing is looked for (0: any number), node of the picker
-- returns  {0}                     nothing eligible
--          {1, id, {field, value, …}, what is remembered of the caller's device ('' nothing)}  claimed
--          {2}                     directed: somebody has it already, or answered it a moment ago
--          {3}                     the device has a call that is not on hold
--          {4}                     too late: nothing was claimed
--          {5, count, ms}          refused too often: attempts in this minute, time until it is over
-- A general pickup reads the head of one sorted set for each permission id; what is claimed is in no set.

local ORDER = { 'h', 'e', 'a', WAITING } -- agent groups: what rings goes before who waits

-- Whether a device has a call that is not on hold. A dialog whose end was never seen has expired by now, though later
-- calls kept the device's list alive: it goes.
local function is_talking(prefix, device)
  local name = key(prefix, 'device', device)
  local dialogs = redis.call('HGETALL', name)
  for i = 1, #dialogs, 2 do
    if redis.call('EXISTS', key(prefix, 'talk', dialogs[i])) == 0 then
      redis.call('HDEL', name, dialogs[i])
    elseif dialogs[i + 1] == '1' then
      return true
    end
  end
  return false
end

-- Whether the call waits, and its transaction is not suspended yet: nobody could take it up.
local function is_entering(state, ready) return state == WAITING and not ready end

-- First entry of a ring set that this picker may take: id, routed_at_us. Ghosts on the way are removed.
local function first(prefix, set, picker, tried, admits)
  local start = 0
  while true do
    local head = redis.call('ZRANGE', set, start, start, 'WITHSCORES')
    local id = head[1]
    if not id then return nil end
    local f = fields(key(prefix, 'call', id), 'f', 'k', 'p', 's', 'y')
    if not f[2] then
      redis.call('ZREM', set, id)
    elseif f[1] == picker or tried[id] or (admits and not admits(f[2], f[3])) or is_entering(f[4], f[5]) then
      start = start + 1
    else
      return id, tonumber(head[2])
    end
  end
end

local function oldest(candidates)
  local best, best_at
  for _, candidate in ipairs(candidates) do
    if not best or candidate.at < best_at or (candidate.at == best_at and candidate.id < best) then
      best, best_at = candidate.id, candidate.at
    end
  end
  return best
end

local function search(prefix, picker, tried, sets, admits)
  local found = {}
  for _, set in ipairs(sets) do
    local id, at = first(prefix, set, picker, tried, admits)
    if id then found[#found + 1] = { id = id, at = at } end
  end
  return oldest(found)
end

local function search_general(prefix, picker, tried, permits)
  for _, kind in ipairs(ORDER) do
    local sets = {}
    for _, permission in ipairs(permits[kind]) do sets[#sets + 1] = key(prefix, 'by_permission', kind, permission) end
    local id = search(prefix, picker, tried, sets)
    if id then return id end
  end
end

local function search_directed(prefix, picker, tried, number, kind, permits, includes_group_calls)
  local id = search(prefix, picker, tried, { key(prefix, 'by_number', number) })
  if not id and kind == 'a' then id = search(prefix, picker, tried, { key(prefix, 'waiting', number) }) end
  if id or kind ~= 'e' or not includes_group_calls then return id end
  for _, group_kind in ipairs({ 'h', 'a' }) do
    local admitted = set_of(permits[group_kind])
    id = search(prefix, picker, tried, { key(prefix, 'by_member', number) }, function(its_kind, permission)
      return its_kind == group_kind and admitted[permission]
    end)
    if id then return id end
  end
end

-- The one call that was asked for, if it still is where it was and nobody has it.
local function search_named(prefix, picker, tried, id, number)
  local f = fields(key(prefix, 'call', id), 'f', 'n', 'c', 's', 'y')
  if tried[id] or f[1] == picker or f[2] ~= number or f[3] or f[4] == HELD or is_entering(f[4], f[5]) then return nil end
  return id
end

-- Whether somebody was faster with the one call that was asked for.
local function is_taken(prefix, id, number)
  local f = fields(key(prefix, 'call', id), 'k', 'c')
  if f[1] then return f[2] end
  local taken = redis.call('GET', key(prefix, 'taken', number))
  return taken == 'answered' or taken == id
end

local function claim(keys, args)
  local prefix, picker, token, ttl_ms = keys[1], args[2], args[3], tonumber(args[4])
  local number, kind = args[5], args[6]
  local now = now_us()
  if now > tonumber(args[1]) then return { 4 } end
  if is_at_limit(prefix, picker, tonumber(args[14])) then
    return { 5, count_in_minute(key(prefix, 'denied', picker)) }
  end
  for _, device in ipairs(words(args[7])) do
    if is_talking(prefix, device) then return { 3 } end
  end
  expire_claims(prefix, now)
  local tried = set_of(words(args[8]))
  local permits = { h = words(args[9]), e = words(args[10]), a = words(args[11]) }
  permits[WAITING] = permits.a
  local id
  local only = args[13]
  if only ~= '' then
    id = search_named(prefix, picker, tried, only, number)
    if not id then return { not tried[only] and is_taken(prefix, only, number) and 2 or 0 } end
  elseif number == '' then
    id = search_general(prefix, picker, tried, permits)
  else
    id = search_directed(prefix, picker, tried, number, kind, permits, args[12] == '1')
  end
  if not id then
    -- What this attempt had itself, and lost when the caller gave up, nobody else was faster with.
    local taken = number ~= '' and redis.call('GET', key(prefix, 'taken', number))
    return { taken and not tried[taken] and 2 or 0 }
  end
  local call_key = key(prefix, 'call', id)
  leave_line(sets_of(prefix, place_of(call_key)), id)
  redis.call('HSET', call_key, 'c', token, 'b', picker, 'i', args[15])
  redis.call('ZADD', key(prefix, 'claims'), now + ttl_ms * 1000, id)
  -- Nobody may look for long after its node died: the list must outlive the call.
  lengthen(key(prefix, 'claims'), redis.call('PTTL', call_key))
  local its_number = redis.call('HGET', call_key, 'n')
  mark_taken(prefix, id, its_number, ttl_ms)
  stir(prefix, its_number)
  local learnt = redis.call('GET', key(prefix, 'replaces', redis.call('HGET', call_key, 'u') or ''))
  return { 1, id, redis.call('HGETALL', call_key), learnt or '' }
end
