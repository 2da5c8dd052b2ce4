-- For all functions of the library: keys, the clock, words.

-- Two parts at most: a list of them, made for each key, would cost more than the key.
local function key(prefix, name, first, second)
  if second then return prefix .. SUFFIX[name] .. first .. ':' .. second end
  return prefix .. SUFFIX[name] .. (first or '')
end

-- Redis' own clock in microseconds: the same for every node.
local function now_us()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

-- As an argument: Redis writes a number out as a fraction of 17 digits, which costs more than what is done with it.
local function whole(number) return string.format('%d', number) end

local function fields(name, ...)
  return redis.call('HMGET', name, ...)
end

local function lengthen(name, ttl_ms)
  if redis.call('PTTL', name) < ttl_ms then redis.call('PEXPIRE', name, ttl_ms) end
end

local function each_word(text, visit)
  if not text or text == '' then return end
  for word in string.gmatch(text, '%S+') do visit(word) end
end

local function words(text)
  local list = {}
  each_word(text, function(word) list[#list + 1] = word end)
  return list
end

local function set_of(list)
  local set = {}
  for _, word in ipairs(list) do set[word] = true end
  return set
end
