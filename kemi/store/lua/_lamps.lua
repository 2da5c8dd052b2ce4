-- Lamps: which accounts somebody watches, and which of these have changed. Where nobody watches this costs one EXISTS.

local TENANT = '*' -- field of `watched`: there as long as the tenant has any watcher
local LAMPS_MS = 86400000

-- These accounts may have changed ('' and trunks are none). Whether anybody watches anything in the tenant.
local function stir(prefix, first, second)
  local watched = key(prefix, 'watched')
  if redis.call('EXISTS', watched) == 0 then return false end
  local until_us = fields(watched, first, second or first)
  local now, changed = now_us(), key(prefix, 'changed')
  if tonumber(until_us[1] or 0) > now then redis.call('ZADD', changed, now, first) end
  if second and tonumber(until_us[2] or 0) > now then redis.call('ZADD', changed, now, second) end
  lengthen(changed, LAMPS_MS)
  return true
end

local function is_extension(party) return party and string.match(party, '^%d+$') ~= nil end

-- The extensions at the ends of a confirmed dialog are busy with it, or no more.
local function occupy(prefix, id, parties, ttl_ms)
  if not stir(prefix, parties[1], parties[2]) then return end
  for i = 1, 2 do
    if is_extension(parties[i]) then
      local talks = key(prefix, 'talks', parties[i])
      if ttl_ms then
        redis.call('SADD', talks, id)
        lengthen(talks, ttl_ms)
      else
        redis.call('SREM', talks, id)
      end
    end
  end
end
