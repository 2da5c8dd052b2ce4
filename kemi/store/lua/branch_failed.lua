-- branch_failed: a branch ended without an answer; its early dialogs are dead and must not be offered.
-- KEYS[1]  prefix of the tenant
-- ARGV     id, branch (0…)
-- returns  number of early dialogs that are left, -1 no such call
local function branch_failed(keys, args)
  local call_key = key(keys[1], 'call', args[1])
  local f = fields(call_key, 'k', 'e')
  if not f[1] then return -1 end
  local kept = {}
  for line in string.gmatch(f[2] or '', '[^\n]+') do
    if string.match(line, '^%d+') ~= args[2] then kept[#kept + 1] = line end
  end
  if f[2] then redis.call('HSET', call_key, 'e', table.concat(kept, '\n')) end
  return #kept
end
