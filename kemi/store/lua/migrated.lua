-- migrated: a step of a migration is done.
-- KEYS[1]  the version key
-- ARGV     keyspace from which it led, keyspace to which it leads
-- returns  the keyspace in force: another's that was faster stays
local function migrated(keys, args)
  local version = redis.call('GET', keys[1])
  if (version or '0') ~= args[1] then return tonumber(version) end
  redis.call('SET', keys[1], args[2])
  return tonumber(args[2])
end
