-- enter: a call was routed to an account; it takes its place in that account's line (leaving another's, if forwarded).
-- KEYS[1]  prefix of the tenant
-- ARGV     id, ttl_ms, kind code, number, permission id, caller's extension number, caller (packed),
--          members that ring (blank-separated), '1' to index them one by one or '',
--          agents that take part (blank-separated), node that holds the transaction, transaction (index:label),
--          name of the caller's device
-- returns  1 entered
--          0 the call had already ended: two workers crossed, nothing stays
--          2 another call of that name rings, or was answered: nothing was done

local function enter(keys, args)
  local prefix, id, ttl_ms = keys[1], args[1], tonumber(args[2])
  local call_key = key(prefix, 'call', id)
  local talk = key(prefix, 'talk', id)
  if redis.call('EXISTS', call_key, talk) > 0 then
    local before = fields(call_key, 'gone', 'k', 'N', 'T')
    if before[1] then
      redis.call('DEL', call_key)
      return 0
    end
    -- A call that goes on elsewhere does so in its own transaction. Who but knows its name leaves it alone.
    if before[2] and (before[3] ~= args[11] or before[4] ~= args[12]) then return 2 end
    if before[2] then
      forget(prefix, id)
    elseif redis.call('EXISTS', talk) == 1 then
      return 2
    end
  end
  local now = whole(now_us())
  local call = { 'k', args[3], 'n', args[4], 'p', args[5], 't', now, 'l', args[2], 'N', args[11], 'T', args[12] }
  for name, value in pairs({ f = args[6], m = args[8], g = args[9], w = args[10], u = args[13] }) do
    if value ~= '' then
      call[#call + 1] = name
      call[#call + 1] = value
    end
  end
  put_caller(call, args[7])
  redis.call('HSET', call_key, unpack(call))
  redis.call('PEXPIRE', call_key, args[2])
  watch(prefix, id, args[10], ttl_ms)
  local sets = sets_of(prefix, { k = args[3], n = args[4], p = args[5], m = args[8], g = args[9] == '1' })
  join_line(sets, id, now, ttl_ms)
  stir(prefix, args[4])
  hold(prefix, args[11], id, now, ttl_ms)
  return 1
end
