-- over: a confirmed dialog ended; its devices are free of it.
-- KEYS[1]  prefix of the tenant
-- ARGV     two ids (the dialog seen from either end; one of them exists)
-- returns  1 done
--          0 no such dialog
local function over(keys, args)
  local prefix = keys[1]
  for i = 1, 2 do
    local talk = key(prefix, 'talk', args[i])
    local f = fields(talk, 'caller', 'callee')
    if f[1] then
      for _, device in ipairs(f) do
        if device ~= '' then redis.call('HDEL', key(prefix, 'device', device), args[i]) end
      end
      redis.call('DEL', talk)
      return 1
    end
  end
  return 0
end
