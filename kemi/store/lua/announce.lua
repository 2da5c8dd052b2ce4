-- announce: a node says that it lives, and hears who else does. Time passes only while somebody announces: nobody dies
-- of a store that was away.
-- KEYS[1]  the registry of nodes
-- ARGV     name, boot id, address, silence_ms after which a node is dead, secret to use if there is none yet
-- returns  {accepted (1; 0: another living node has the name), the secret in force, now (µs), ms since the registry began,
--           1 if this node itself was dead to others until now (0 not),
--           then for each node: name, boot id, address, '1' living or '0' dead}
-- Fields: `secret`, `since` and `at` (µs: first and last announcement), and for each node `n NAME BOOT`: `seen_us address`.
local BEAT_US = 1000000 -- how often each node announces itself (kamailio.cfg)

local function announce(keys, args)
  local registry, name, boot, silence_us = keys[1], args[1], args[2], args[4] * 1000
  local now, own = now_us(), 'n ' .. name .. ' ' .. boot
  if redis.call('EXISTS', registry) == 0 then redis.call('HSET', registry, 'secret', args[5], 'since', now) end
  local f = fields(registry, 'secret', 'since', 'at')
  local silent = now - (f[3] or now)
  local shift = silent > BEAT_US * 1.5 and silent - BEAT_US or 0
  local accepted, was_dead, said = 1, 1, {}
  local all = redis.call('HGETALL', registry)
  for i = 1, #all, 2 do
    local its_name, its_boot = string.match(all[i], '^n (%S+) (%S*)$')
    local seen, address = string.match(all[i + 1], '^(%S+) (.*)$')
    seen = its_name and tonumber(seen) + shift
    if all[i] == own then
      was_dead = now - seen > silence_us and 1 or 0
    elseif its_name then
      if shift > 0 then redis.call('HSET', registry, all[i], string.format('%.0f %s', seen, address)) end
      local lives = now - seen <= silence_us
      if lives and its_name == name then accepted = 0 end
      for _, word in ipairs({ its_name, its_boot, address, lives and '1' or '0' }) do said[#said + 1] = word end
    end
  end
  redis.call('HSET', registry, 'at', now)
  if accepted == 1 then
    redis.call('HSET', registry, own, string.format('%.0f %s', now, args[3]))
    for _, word in ipairs({ name, boot, args[3], '1' }) do said[#said + 1] = word end
  end
  return { accepted, f[1], string.format('%.0f', now), math.floor((now - f[2]) / 1000), was_dead, unpack(said) }
end
