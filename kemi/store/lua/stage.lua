-- stage: a hunt group goes on to its next members. The call keeps its place in line; the earlier phones' dialogs are dead.
-- KEYS[1]  prefix of the tenant
-- ARGV     id, ttl_ms, members that ring now (blank-separated), agents that take part now (blank-separated)
-- returns  1 done
--          0 no such call
--          2 picked up meanwhile: ring nobody any more
local function stage(keys, args)
  local prefix, id, ttl_ms = keys[1], args[1], tonumber(args[2])
  local call_key = key(prefix, 'call', id)
  local f = fields(call_key, 'k', 't', 'c', 'd', 'm', 'g', 'w', 'n')
  if not f[1] then return 0 end
  if f[4] then return 2 end
  if f[6] then
    each_word(f[5], function(m) redis.call('ZREM', key(prefix, 'by_member', m), id) end)
  end
  unwatch(prefix, id, f[7])
  watch(prefix, id, args[4], ttl_ms)
  redis.call('HDEL', call_key, 'e')
  redis.call('HSET', call_key, 'm', args[3], 'w', args[4], 'l', ttl_ms)
  redis.call('PEXPIRE', call_key, ttl_ms)
  if f[3] then
    lengthen(key(prefix, 'claims'), ttl_ms)
  else
    join_line(sets_of(prefix, place_of(call_key)), id, f[2], ttl_ms)
  end
  stir(prefix, f[8])
  return 1
end
