-- ready: a caller's transaction is suspended: pickers may have him. He hears that he waits (182) after that, and its To
-- tag follows: then agents may be offered him. A 180 of one before the 182 would have him wait when he rings.
-- KEYS[1]  prefix of the tenant
-- ARGV     id, To tag of the 182 ('' it has not been sent yet)
-- returns  1 done
--          0 no such call
local function ready(keys, args)
  local call_key = key(keys[1], 'call', args[1])
  local number = redis.call('HGET', call_key, 'n')
  if not number then return 0 end
  if args[2] == '' then
    redis.call('HSET', call_key, 'y', SUSPENDED)
  else
    tell_ready(keys[1], args[1], args[2])
  end
  stir(keys[1], number)
  return 1
end
