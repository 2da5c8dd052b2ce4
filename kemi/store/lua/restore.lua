-- restore: what a backup keeps of a tenant is put back: agents' duty, statistics, and the record where there is none.
-- KEYS[1]  prefix of the tenant
-- ARGV     how many agents follow, for each: number, '1' logged in or '0' out;
--          how many statistics follow, for each: agent group, statistic, value;
--          for each entry of the record, oldest first: id, how many words follow, field, value, …
-- returns  how many entries of the record were put back
local function restore(keys, args)
  local prefix, at = keys[1], 1
  local function word()
    at = at + 1
    return args[at - 1]
  end
  for _ = 1, tonumber(word()) do
    local name, duty = key(prefix, 'agent', word()), word()
    if duty == '1' then redis.call('HDEL', name, 'out') else redis.call('HSET', name, 'out', 1) end
  end
  for _ = 1, tonumber(word()) do
    local name, statistic = key(prefix, 'stats', word()), word()
    redis.call('HSET', name, statistic, word())
  end
  local record, written = key(prefix, 'events'), 0
  if redis.call('EXISTS', record) == 1 then return 0 end
  while args[at] do
    local id, entry = word(), {}
    for _ = 1, tonumber(word()) do entry[#entry + 1] = word() end
    redis.call('XADD', record, id, unpack(entry))
    written = written + 1
  end
  return written
end
