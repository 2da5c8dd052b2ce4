-- ask: a console wants something of a node.
-- KEYS[1]  the node's mailbox
-- ARGV     what (one line), how long it waits to be fetched (ms), how much may wait at once
-- returns  1 it waits there
--          0 too much waits already: the node fetches nothing
local function ask(keys, args)
  if redis.call('ZCARD', keys[1]) >= tonumber(args[3]) then return 0 end
  redis.call('ZADD', keys[1], now_us() + args[2] * 1000, args[1])
  redis.call('PEXPIRE', keys[1], args[2])
  return 1
end
