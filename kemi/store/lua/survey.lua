-- survey: the calls that ring and wait in a tenant, for people to look at; changes nothing.
-- KEYS[1]  prefix of the tenant
-- ARGV     most calls to return, then `kind code:permission id` for each ring set of the tenant
-- returns  {now_us, id, fields…, id, fields…}; the oldest, claimed calls included, in no order
local function survey(keys, args)
  local prefix, most = keys[1], tonumber(args[1])
  local now, claims = now_us(), key(prefix, 'claims')
  local found = {}
  for i = 2, #args do
    local set = redis.call('ZRANGE', key(prefix, 'by_permission', args[i]), 0, most - 1, 'WITHSCORES')
    for j = 1, #set, 2 do found[#found + 1] = { id = set[j], at = tonumber(set[j + 1]) } end
  end
  for _, id in ipairs(redis.call('ZRANGE', claims, 0, most - 1)) do
    local at = redis.call('HGET', key(prefix, 'call', id), 't')
    if at then found[#found + 1] = { id = id, at = tonumber(at), claimed = true } end
  end
  table.sort(found, function(a, b) return a.at < b.at end)
  local result = { string.format('%.0f', now) }
  for i = 1, math.min(#found, most) do
    local call = found[i]
    local f = redis.call('HGETALL', key(prefix, 'call', call.id))
    if #f > 2 then
      -- A claim that has run out is nobody's, though nobody has looked since.
      if call.claimed and tonumber(redis.call('ZSCORE', claims, call.id)) <= now then
        f[#f + 1] = 'b'
        f[#f + 1] = ''
      end
      result[#result + 1] = call.id
      result[#result + 1] = f
    end
  end
  return result
end
