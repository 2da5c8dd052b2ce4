-- release: a claim is given back; the call rings on in its old place, as if nothing had happened.
-- KEYS[1]  prefix of the tenant
-- ARGV     id, claim token, '1' when the call was found to be over ('' not): it goes instead, its end was never recorded
-- returns  1 released
--          0 the call has ended, or the claim was no longer this one's
local function release(keys, args)
  if redis.call('HGET', key(keys[1], 'call', args[1]), 'c') ~= args[2] then return 0 end
  unclaim(keys[1], args[1])
  if args[3] == '1' then forget(keys[1], args[1]) end
  return 1
end
