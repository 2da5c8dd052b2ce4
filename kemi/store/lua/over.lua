-- over: a confirmed dialog ended; its devices and agents are free of it, an agent group's agent after his wrap-up.
-- KEYS[1]  prefix of the tenant
-- ARGV     two ids (the dialog seen from either end; one of them exists)
-- returns  1 done
--          0 no such dialog
local function over(keys, args)
  local prefix, now = keys[1], now_us()
  for i = 1, 2 do
    local talk = key(prefix, 'talk', args[i])
    local f = fields(talk, 'caller', 'callee', 'agents', 'wrap_up')
    if f[1] then
      for end_of_it = 1, 2 do
        if f[end_of_it] ~= '' then redis.call('HDEL', key(prefix, 'device', f[end_of_it]), args[i]) end
      end
      unwatch(prefix, args[i], f[3])
      each_word(f[3], function(agent) redis.call('HSET', key(prefix, 'agent', agent), 'idle_since', now) end)
      local agent, wrap_up_ms = string.match(f[4], '^(%S+) (%d+)$')
      if agent then redis.call('HSET', key(prefix, 'agent', agent), 'wrap_until', now + wrap_up_ms * 1000) end
      redis.call('DEL', talk)
      return 1
    end
  end
  return 0
end
