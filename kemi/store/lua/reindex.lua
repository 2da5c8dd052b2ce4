-- reindex: an account's permission changed; the calls that ring there now follow it.
-- KEYS[1]  prefix of the tenant
-- ARGV     number, new permission id
-- returns  number of calls moved
local function reindex(keys, args)
  local prefix, permission = keys[1], args[2]
  local moved = 0
  local function move(id, claimed)
    local call_key = key(prefix, 'call', id)
    local f = fields(call_key, 'k', 'n', 'p', 't', 'l', 's')
    if not f[1] or f[2] ~= args[1] or f[3] == permission then return end
    redis.call('HSET', call_key, 'p', permission)
    moved = moved + 1
    if claimed then return end
    local line = f[6] == WAITING and WAITING or f[1]
    redis.call('ZREM', key(prefix, 'by_permission', line, f[3]), id)
    join_line({ key(prefix, 'by_permission', line, permission) }, id, f[4], tonumber(f[5]))
  end
  for _, id in ipairs(redis.call('ZRANGE', key(prefix, 'by_number', args[1]), 0, -1)) do move(id, false) end
  for _, id in ipairs(redis.call('ZRANGE', key(prefix, 'waiting', args[1]), 0, -1)) do move(id, false) end
  for _, id in ipairs(redis.call('ZRANGE', key(prefix, 'claims'), 0, -1)) do move(id, true) end
  return moved
end
