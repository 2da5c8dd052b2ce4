-- What is counted in a minute that begins with the first.

local MINUTE_MS = 60000

-- returns  how many there are in this minute, with this one; ms until it is over
local function count_in_minute(name)
  local count = redis.call('INCR', name)
  if count == 1 then redis.call('PEXPIRE', name, MINUTE_MS) end
  return count, redis.call('PTTL', name)
end

-- Whether permission has ended as many attempts of a picker as it may (0: any number).
local function is_at_limit(prefix, picker, limit)
  return limit > 0 and tonumber(redis.call('GET', key(prefix, 'denied', picker)) or 0) >= limit
end
