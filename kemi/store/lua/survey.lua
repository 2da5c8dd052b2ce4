-- survey: the calls that ring and wait in a tenant, for people to look at; changes nothing.
-- KEYS[1]  prefix of the tenant
-- ARGV     most calls to return, then `kind code:permission id` for each ring set of the tenant
-- returns  {now_us, id, fields…, id, fields…}; claimed calls included, in no order
local function survey(keys, args)
  local prefix, most = keys[1], tonumber(args[1])
  local found = { string.format('%.0f', now_us()) }
  local function add(id)
    if #found > most * 2 then return end
    local f = redis.call('HGETALL', key(prefix, 'call', id))
    if #f > 2 then
      found[#found + 1] = id
      found[#found + 1] = f
    end
  end
  for i = 2, #args do
    for _, id in ipairs(redis.call('ZRANGE', key(prefix, 'by_permission', args[i]), 0, most - 1)) do add(id) end
  end
  for _, id in ipairs(redis.call('ZRANGE', key(prefix, 'claims'), 0, most - 1)) do add(id) end
  return found
end
