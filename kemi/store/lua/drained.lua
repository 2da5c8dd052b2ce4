-- drained: a node lets go of the callers who wait in its queues; who rings an agent stays.
-- KEYS[1]  prefix of the tenant
-- ARGV     moment (µs) after which nobody waits for the answer any more, node
-- returns  {-1} too late: nothing was done
--          {1, id, transaction, id, transaction, …} out of the queue, to be answered by the node
local function drained(keys, args)
  local prefix, node = keys[1], args[2]
  if now_us() > tonumber(args[1]) then return { -1 } end
  local found = { 1 }
  for _, id in ipairs(redis.call('ZRANGE', key(prefix, 'due', node), 0, -1)) do
    local call_key = key(prefix, 'call', id)
    local f = fields(call_key, 's', 'T', 'n')
    if f[1] == 'w' then
      leave_line(sets_of(prefix, place_of(call_key)), id)
      redis.call('HSET', call_key, 's', 'h')
      stir(prefix, f[3])
      found[#found + 1] = id
      found[#found + 1] = f[2]
    end
  end
  return found
end
