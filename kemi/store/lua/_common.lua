-- Shared by all functions of the library: keys, the clock, and the three moves of a call in the ring sets.

local HYGIENE_US = 86400000000 -- a ring entry older than a day is a ghost that a crash left

local function key(prefix, name, ...)
  return prefix .. SUFFIX[name] .. table.concat({ ... }, ':')
end

-- Redis' own clock in microseconds: the same for every node.
local function now_us()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

local function fields(call_key, ...)
  return redis.call('HMGET', call_key, ...)
end

local function lengthen(name, ttl_ms)
  if redis.call('PTTL', name) < ttl_ms then redis.call('PEXPIRE', name, ttl_ms) end
end

local function each_member(members, visit)
  for number in string.gmatch(members or '', '%S+') do visit(number) end
end

-- The ring sets in which a call with these fields stands.
local function ring_sets(prefix, kind, number, permission, members, grouped)
  local sets = { key(prefix, 'by_number', number), key(prefix, 'by_permission', kind, permission) }
  if grouped then each_member(members, function(m) sets[#sets + 1] = key(prefix, 'by_member', m) end) end
  return sets
end

local function sets_of(prefix, call_key)
  local f = fields(call_key, 'k', 'n', 'p', 'm', 'g')
  if not f[1] then return nil end
  return ring_sets(prefix, f[1], f[2], f[3], f[4], f[5])
end

local function join_ring(sets, id, routed_at_us, ttl_ms)
  for _, set in ipairs(sets) do
    redis.call('ZADD', set, routed_at_us, id)
    lengthen(set, ttl_ms)
  end
end

local function leave_ring(sets, id)
  for _, set in ipairs(sets or {}) do redis.call('ZREM', set, id) end
end

-- Back to its place in line. A call whose record has gone has no place.
local function unclaim(prefix, id)
  redis.call('ZREM', key(prefix, 'claims'), id)
  local call_key = key(prefix, 'call', id)
  local f = fields(call_key, 't', 'l', 'n')
  if not f[1] then return false end
  redis.call('HDEL', call_key, 'c', 'b')
  local taken = key(prefix, 'taken', f[3])
  if redis.call('GET', taken) == id then redis.call('DEL', taken) end
  join_ring(sets_of(prefix, call_key), id, f[1], tonumber(f[2]))
  return true
end

-- A claim that its node did not give back (it died) ends here, when somebody next looks.
local function expire_claims(prefix, now)
  local claims = key(prefix, 'claims')
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', claims, '-inf', now, 'LIMIT', 0, 256)) do
    if redis.call('HEXISTS', key(prefix, 'call', id), 'd') == 1 then
      redis.call('ZREM', claims, id)
    else
      unclaim(prefix, id)
    end
  end
end

-- Everything of a call that rings goes.
local function forget(prefix, id)
  local call_key = key(prefix, 'call', id)
  local number = redis.call('HGET', call_key, 'n')
  if not number then return end
  leave_ring(sets_of(prefix, call_key), id)
  redis.call('ZREM', key(prefix, 'claims'), id)
  redis.call('DEL', call_key)
end

-- A call that is over before its `enter` arrived (two workers crossed) leaves a mark that keeps the late one out.
local MARK_MS = 5000

local function mark_gone(prefix, id)
  local call_key = key(prefix, 'call', id)
  redis.call('HSET', call_key, 'gone', 1)
  redis.call('PEXPIRE', call_key, MARK_MS)
end

-- A directed pickup that comes a moment too late is told so.
local function mark_taken(prefix, id, number, ttl_ms)
  redis.call('SET', key(prefix, 'taken', number), id, 'PX', ttl_ms)
end

-- One end of a confirmed dialog: its device talks ('1') or holds ('0').
local function engage(prefix, id, device, state, ttl_ms)
  if device == '' then return end
  local name = key(prefix, 'device', device)
  redis.call('HSET', name, id, state)
  redis.call('PEXPIRE', name, ttl_ms)
end

-- A dialog is confirmed between two devices (flows; '' for one that is not watched).
local function confirm(prefix, id, ttl_ms, caller, caller_state, callee, callee_state)
  if caller == '' and callee == '' then return end
  local talk = key(prefix, 'talk', id)
  redis.call('HSET', talk, 'caller', caller, 'callee', callee)
  redis.call('PEXPIRE', talk, ttl_ms)
  engage(prefix, id, caller, caller_state, ttl_ms)
  engage(prefix, id, callee, callee_state, ttl_ms)
end
