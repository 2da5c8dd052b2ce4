-- buried: nothing is left of a dead node: it is taken off the registry, unless it lives after all.
-- KEYS[1]  the registry of nodes
-- ARGV     name, boot id, silence_ms after which a node is dead
-- returns  1 done
--          0 it lives, or was not registered
local function buried(keys, args)
  local own = 'n ' .. args[1] .. ' ' .. args[2]
  local seen = string.match(redis.call('HGET', keys[1], own) or '', '^%S+')
  if not seen or now_us() - seen <= args[3] * 1000 then return 0 end
  redis.call('HDEL', keys[1], own)
  return 1
end
