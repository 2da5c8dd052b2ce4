-- How a call comes to stand in an agent group's queue. What `join` and `stand_again` are given of it, from ARGV[2] on:
-- id, ttl_ms, number of the group, permission id, caller's extension number, caller (packed), node that holds the
-- transaction, transaction (index:label), agents that take part as callers (blank-separated), '1' to index it under each
-- agent that it rings or '', name of the caller's device.

local AFTER_ENTRY = 13 -- the first argument that comes after those

local function stand(prefix, args, at)
  local id, ttl_ms, number, node = args[2], tonumber(args[3]), args[4], args[8]
  local call_key = key(prefix, 'call', id)
  local call = { 'k', 'a', 'n', number, 'p', args[5], 't', whole(at), 'l', args[3], 'f', args[6], 'm', '', 'w', args[10],
    's', WAITING, 'N', node, 'T', args[9], 'u', args[12] }
  put_caller(call, args[7])
  redis.call('HSET', call_key, unpack(call))
  if args[11] == '1' then redis.call('HSET', call_key, 'g', 1) end
  redis.call('PEXPIRE', call_key, ttl_ms)
  watch(prefix, id, args[10], ttl_ms)
  join_line(sets_of(prefix, place_of(call_key)), id, at, ttl_ms)
  hold(prefix, node, id, at, ttl_ms)
  redis.call('ZADD', key(prefix, 'due', node), now_us(), id)
  lengthen(key(prefix, 'due', node), ttl_ms)
  stir(prefix, number)
end

-- It can be offered: its caller has heard that he waits, with this To tag ('' not known any more).
local function tell_ready(prefix, id, tag)
  local call_key = key(prefix, 'call', id)
  redis.call('HSET', call_key, 'y', TOLD)
  if tag == '' then return end
  drop_branches(call_key, function(branch) return branch == QUEUE_BRANCH end)
  local early = redis.call('HGET', call_key, 'e') or ''
  redis.call('HSET', call_key, 'e', QUEUE_BRANCH .. ' ' .. tag .. (early ~= '' and '\n' .. early or ''))
end
