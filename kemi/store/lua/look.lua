-- look: which watched accounts have changed, and what their lamps show now.
-- KEYS[1]  prefix of the tenant
-- ARGV     moment (µs) of the last look
-- returns  {now_us, stamp of the tenant ('' the store remembers nobody who watches), what each shows (_shown.lua), …}
local function look(keys, args)
  local prefix, now = keys[1], now_us()
  expire_claims(prefix, now)
  local result = { string.format('%.0f', now), redis.call('HGET', key(prefix, 'watched'), TENANT) or '' }
  for _, number in ipairs(redis.call('ZRANGEBYSCORE', key(prefix, 'changed'), args[1], '+inf')) do
    result[#result + 1] = shown(prefix, number)
  end
  return result
end
