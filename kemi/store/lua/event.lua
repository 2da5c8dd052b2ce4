-- event: one attempt to pick up is written into the tenant's bounded record.
-- KEYS[1]  the tenant's stream
-- ARGV     about how many entries to keep, then field, value, …
-- returns  id of the entry
local function event(keys, args)
  local entry = {}
  for i = 2, #args do entry[#entry + 1] = args[i] end
  return redis.call('XADD', keys[1], 'MAXLEN', '~', args[1], '*', unpack(entry))
end
