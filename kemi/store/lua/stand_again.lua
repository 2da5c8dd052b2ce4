-- stand_again: a call waits of which the store knows nothing: it came back without it, or took its node for dead. It is
-- back in line, however many wait.
-- KEYS[1]  prefix of the tenant
-- ARGV     moment (µs) after which nobody waits for the answer any more, the call (_queue.lua), when it came (µs),
--          To tag of its 182 ('' not known any more)
-- returns  1 in the queue
--          0 it is known, or over a moment ago: nothing was done
--          4 too late: nothing was done
local function stand_again(keys, args)
  local prefix = keys[1]
  if now_us() > tonumber(args[1]) then return 4 end
  if redis.call('EXISTS', key(prefix, 'call', args[2]), key(prefix, 'talk', args[2])) > 0 then return 0 end
  stand(prefix, args, tonumber(args[AFTER_ENTRY]))
  tell_ready(prefix, args[2], args[AFTER_ENTRY + 1])
  return 1
end
