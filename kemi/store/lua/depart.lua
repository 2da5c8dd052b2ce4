-- depart: a node has ended, or is known to have: it is dead at once, though not yet forgotten.
-- KEYS[1]  the registry of nodes
-- ARGV     name, boot id
-- returns  1 done
--          0 it was not registered
local function depart(keys, args)
  local own = 'n ' .. args[1] .. ' ' .. args[2]
  local line = redis.call('HGET', keys[1], own)
  if not line then return 0 end
  redis.call('HSET', keys[1], own, '0 ' .. string.match(line, '^%S+ (.*)$'))
  return 1
end
