-- stamp: what tells one document in force from another. Asked again and again by each node: being a function, it also
-- finds out, and soon, that a store came back without the library.
-- KEYS[1]  the provision key
-- returns  the stamp, '' when no document is in force
local function stamp(keys)
  return redis.call('HGET', keys[1], 'stamp') or ''
end
