-- How a call comes to stand in the line of the account that it was routed to. What `enter` and `enter_again` are given of
-- it: id, ttl_ms, kind code, number, permission id, caller's extension number, caller (packed), members that ring
-- (blank-separated), '1' to index them one by one or '', agents that take part (blank-separated), node that holds the
-- transaction, transaction (index:label), name of the caller's device.

local AFTER_PLACE = 14 -- the first argument that comes after those

-- at: when it was routed there (µs, as text).
local function take_place(prefix, args, at)
  local id, ttl_ms = args[1], tonumber(args[2])
  local call_key = key(prefix, 'call', id)
  local call = { 'k', args[3], 'n', args[4], 'p', args[5], 't', at, 'l', args[2], 'N', args[11], 'T', args[12] }
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
  join_line(sets, id, at, ttl_ms)
  stir(prefix, args[4])
  hold(prefix, args[11], id, at, ttl_ms)
end
