-- enter: a call was routed to an account; it takes its place in that account's line (leaving another's, if forwarded).
-- KEYS[1]  prefix of the tenant
-- ARGV     the call (_place.lua)
-- returns  1 entered
--          0 the call had already ended: two workers crossed, nothing stays
--          2 another call of that name rings, or was answered: nothing was done

local function enter(keys, args)
  local prefix, id = keys[1], args[1]
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
  take_place(prefix, args, whole(now_us()))
  return 1
end
