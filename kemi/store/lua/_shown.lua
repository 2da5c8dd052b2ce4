-- What the lamp of an account shows: its calls that ring and wait, unclaimed, and the dialogs that an extension is in.

local SHOWN = 8 -- most of either: a document is to fit into a datagram

-- {number, ms until the first of these expires (-1: there are none), {id, {field, value, …}, …} calls in their order,
-- {id, 'initiator' or 'recipient', …} confirmed dialogs}
local function shown(prefix, number)
  local soonest, calls, talks = -1, {}, {}
  local function lives(name)
    local left_ms = redis.call('PTTL', name)
    if left_ms > 0 and (soonest < 0 or left_ms < soonest) then soonest = left_ms end
  end
  for _, line in ipairs({ 'by_number', 'waiting' }) do
    for _, id in ipairs(redis.call('ZRANGE', key(prefix, line, number), 0, SHOWN - 1)) do
      local name = key(prefix, 'call', id)
      local stored = redis.call('HGETALL', name)
      if #stored > 2 and #calls < SHOWN * 2 then
        lives(name)
        calls[#calls + 1] = id
        calls[#calls + 1] = stored
      end
    end
  end
  local set = key(prefix, 'talks', number)
  for _, id in ipairs(redis.call('SMEMBERS', set)) do
    local name = key(prefix, 'talk', id)
    local f = fields(name, 'caller_party', 'callee_party')
    if not f[1] then
      redis.call('SREM', set, id)
    elseif #talks < SHOWN * 2 then
      lives(name)
      talks[#talks + 1] = id
      talks[#talks + 1] = f[1] == number and 'initiator' or 'recipient'
    end
  end
  return { number, soonest, calls, talks }
end
