-- event: one attempt to pick up is written into the tenant's bounded record.
-- KEYS[1]  prefix of the tenant
-- ARGV     about how many entries to keep, how many of this picker to write in a minute (0: any number), the picker,
--          then field, value, …
-- returns  id of the entry; false: not written, the picker has had his share of the record
local function event(keys, args)
  local prefix, most = keys[1], tonumber(args[2])
  if most > 0 and count_in_minute(key(prefix, 'noted', args[3])) > most then return false end
  local entry = {}
  for i = 4, #args do entry[#entry + 1] = args[i] end
  return redis.call('XADD', key(prefix, 'events'), 'MAXLEN', '~', args[1], '*', unpack(entry))
end
