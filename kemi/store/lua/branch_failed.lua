-- branch_failed: a branch ended without an answer; its early dialogs are dead and must not be offered.
-- KEYS[1]  prefix of the tenant
-- ARGV     id, branch (0…)
-- returns  number of early dialogs that are left, -1 no such call
local function branch_failed(keys, args)
  local call_key = key(keys[1], 'call', args[1])
  local number = redis.call('HGET', call_key, 'n')
  if not number then return -1 end
  stir(keys[1], number)
  return drop_branches(call_key, function(branch) return branch == args[2] end)
end
