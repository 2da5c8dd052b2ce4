-- denied: permission ends an attempt to pick up; it is counted, and past the limit *87 is closed to this picker.
-- KEYS[1]  prefix of the tenant
-- ARGV     picker's extension number, limit (attempts a minute)
-- returns  {0}                within the limit: the attempt has its own answer
--          {1, count, ms}     past it: how many there were in this minute, time until it is over
local function denied(keys, args)
  local count, left_ms = count_in_minute(key(keys[1], 'denied', args[1]))
  if count <= tonumber(args[2]) then return { 0 } end
  return { 1, count, left_ms }
end
