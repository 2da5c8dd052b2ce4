-- fetch: a node takes what consoles have asked of it, the oldest first; what waited too long is dropped.
-- KEYS[1]  the node's mailbox
-- returns  what was asked, one line each
local function fetch(keys)
  -- Twenty times a second there is nothing.
  if redis.call('ZCARD', keys[1]) == 0 then return {} end
  local found = redis.call('ZRANGEBYSCORE', keys[1], now_us(), '+inf')
  redis.call('DEL', keys[1])
  return found
end
