-- over: a confirmed dialog ended.
-- KEYS[1]  prefix of the tenant
-- ARGV     two ids (the dialog seen from either end; one of them exists)
-- returns  1 done; a mark stops the answer, should it be repeated once more: nobody would end what it begins
--          0 no such dialog
local function over(keys, args)
  local prefix = keys[1]
  for i = 1, 2 do
    if finish(prefix, args[i]) then
      -- What a pickup that crosses has marked there says more.
      local call_key = key(prefix, 'call', args[i])
      local gone = redis.call('HGET', call_key, 'gone')
      if not gone then
        redis.call('HSET', call_key, 'gone', ANSWERED)
        redis.call('PEXPIRE', call_key, MARK_MS)
      elseif gone == OVER then
        mark_gone(prefix, args[i], ANSWERED)
      end
      return 1
    end
  end
  return 0
end
