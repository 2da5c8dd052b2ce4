-- remember: a caller's device carried a Replaces out, or did not. What was known of it before counts no more.
-- KEYS[1]  prefix of the tenant
-- ARGV     name of the device, 'good' or 'bad', ms for which it is remembered
-- returns  1
local function remember(keys, args)
  redis.call('SET', key(keys[1], 'replaces', args[1]), args[2], 'PX', args[3])
  return 1
end
