-- renewed: a request or answer passed through a confirmed dialog; perhaps it put the call on hold, or took it off.
-- KEYS[1]  prefix of the tenant
-- ARGV     two ids (the dialog seen from either end; one of them exists), dialog ttl_ms,
--          device that sent it, its state now ('1' talking, '0' on hold, '' unchanged)
-- returns  1 done
--          0 no such dialog
local function renewed(keys, args)
  local prefix, ttl_ms = keys[1], args[3]
  for i = 1, 2 do
    local talk = key(prefix, 'talk', args[i])
    local f = fields(talk, 'caller', 'callee', 'agents', 'caller_party', 'callee_party')
    if f[1] then
      redis.call('PEXPIRE', talk, ttl_ms)
      watch(prefix, args[i], f[3], tonumber(ttl_ms))
      occupy(prefix, args[i], { f[4] or '', f[5] or '' }, tonumber(ttl_ms))
      for end_of_it = 1, 2 do
        local device = f[end_of_it]
        if device ~= '' then
          local name = key(prefix, 'device', device)
          redis.call('PEXPIRE', name, ttl_ms)
          if device == args[4] and args[5] ~= '' then redis.call('HSET', name, args[i], args[5]) end
        end
      end
      return 1
    end
  end
  return 0
end
