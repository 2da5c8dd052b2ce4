-- publish: a provisioning document comes into force, whole.
-- KEYS[1]  the provision key
-- ARGV     document
-- returns  its version, one more than the last
local function publish(keys, args)
  local version = redis.call('HINCRBY', keys[1], 'version', 1)
  -- A store that lost everything begins at version 1 again: the time tells the two apart.
  redis.call('HSET', keys[1], 'document', args[1], 'stamp', version .. '-' .. string.format('%.0f', now_us()))
  return version
end
