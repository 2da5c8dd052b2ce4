-- watched: accounts are watched from now on, or still; what their lamps show now.
-- KEYS[1]  prefix of the tenant
-- ARGV     stamp to begin with where nobody has watched anything, ms for which these are watched, number, number, …
-- returns  {now_us, stamp of the tenant, what each shows (_shown.lua), …}
-- The stamp stays as long as the store remembers who is watched: where it is another, all is to be watched anew.
local function watched(keys, args)
  local prefix, now = keys[1], now_us()
  local name = key(prefix, 'watched')
  local stamp = redis.call('HGET', name, TENANT)
  if not stamp then
    stamp = args[1]
    redis.call('HSET', name, TENANT, stamp)
  end
  expire_claims(prefix, now)
  local result = { string.format('%.0f', now), stamp }
  for i = 3, #args do
    redis.call('HSET', name, args[i], string.format('%.0f', now + args[2] * 1000))
    result[#result + 1] = shown(prefix, args[i])
  end
  redis.call('PEXPIRE', name, LAMPS_MS)
  return result
end
