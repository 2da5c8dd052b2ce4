-- tally: how many calls ring and wait in a tenant, for monitoring; changes nothing.
-- KEYS[1]  prefix of the tenant
-- ARGV     `kind code:permission id` for each ring set of the tenant
-- returns  {now_us, calls that ring or are routed, calls that wait, claimed calls, routed_at_us of the oldest that
--          rings, of the oldest that waits ('0' none), claims that ran out since the tenant began}
local function tally(keys, args)
  local prefix = keys[1]
  local number, oldest = { rings = 0, waits = 0 }, { rings = '0', waits = '0' }
  for _, name in ipairs(args) do
    local line = string.sub(name, 1, 2) == WAITING .. ':' and 'waits' or 'rings'
    local set = key(prefix, 'by_permission', name)
    local head = redis.call('ZRANGE', set, 0, 0, 'WITHSCORES')
    if head[1] then
      number[line] = number[line] + redis.call('ZCARD', set)
      if oldest[line] == '0' or tonumber(head[2]) < tonumber(oldest[line]) then oldest[line] = head[2] end
    end
  end
  return {
    string.format('%.0f', now_us()), number.rings, number.waits, redis.call('ZCARD', key(prefix, 'claims')),
    oldest.rings, oldest.waits, redis.call('HGET', key(prefix, 'stats', ''), 'claims_expired') or '0',
  }
end
