-- stamp: what tells one document in force from another.
-- KEYS[1]  the provision key
-- returns  the stamp, '' when no document is in force
local function stamp(keys)
  return redis.call('HGET', keys[1], 'stamp') or ''
end
