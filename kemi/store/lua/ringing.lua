-- ringing: a provisional response with a To tag was relayed to the caller: its early dialog lives.
-- KEYS[1]  prefix of the tenant
-- ARGV     id, branch (0…), callee tag
-- returns  1 kept (and now the last relayed)
--          0 the call is over
-- It may come before `enter`, from another worker: it is kept for a moment then.
local function ringing(keys, args)
  local call_key = key(keys[1], 'call', args[1])
  local f = fields(call_key, 'k', 'e', 'gone', 'n')
  if f[3] then return 0 end
  local line = args[2] .. ' ' .. args[3]
  local kept = {}
  for old in string.gmatch(f[2] or '', '[^\n]+') do
    if old ~= line then kept[#kept + 1] = old end
  end
  kept[#kept + 1] = line
  redis.call('HSET', call_key, 'e', table.concat(kept, '\n'))
  if not f[1] then redis.call('PEXPIRE', call_key, MARK_MS) end
  if f[4] then stir(keys[1], f[4]) end
  return 1
end
