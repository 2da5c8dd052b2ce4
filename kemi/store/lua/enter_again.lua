-- enter_again: a call rings of which the store knows nothing: it was away when the call came, or is back without it, or
-- took its node for dead. It stands where it would by now.
-- KEYS[1]  prefix of the tenant
-- ARGV     the call (_place.lua), when it was routed there (µs), its early dialogs: 'branch tag' a line, the one that was
--          relayed last at the end
-- returns  1 entered
--          0 it is known, or over a moment ago: nothing was done
local function enter_again(keys, args)
  local prefix, id = keys[1], args[1]
  local call_key = key(prefix, 'call', id)
  local f = fields(call_key, 'k', 'gone', 'e')
  if f[1] or f[2] or redis.call('EXISTS', key(prefix, 'talk', id)) == 1 then return 0 end
  take_place(prefix, args, whole(tonumber(args[AFTER_PLACE])))
  -- What has been relayed meanwhile came later.
  local early, seen = {}, {}
  for line in string.gmatch(f[3] or '', '[^\n]+') do seen[line] = true end
  for line in string.gmatch(args[AFTER_PLACE + 1], '[^\n]+') do
    if not seen[line] then early[#early + 1] = line end
  end
  if f[3] and f[3] ~= '' then early[#early + 1] = f[3] end
  if #early > 0 then redis.call('HSET', call_key, 'e', table.concat(early, '\n')) end
  return 1
end
