-- rerouted: what was said of a call that is being sent to the device of its picker; changes nothing.
-- KEYS[1]  prefix of the tenant
-- ARGV     id
-- returns  what `reroute` was given, '' when no claim on the call says so
local function rerouted(keys, args)
  local f = fields(key(keys[1], 'call', args[1]), 'c', 'r')
  return f[1] and f[2] or ''
end
