-- replaced: which dialog a Replaces header from outside names, and how its sender stands to it; changes nothing.
-- KEYS[1]  prefix of the tenant
-- ARGV     sender (extension number or trunk), then for each way to read the header: id, tag of the other end,
--          end that gets the Replaces ('caller' or 'callee')
-- returns  {0}                              no such dialog
--          {1, id, fields…}                 it rings or waits, and the callee tag is a live early dialog's
--          {2, party, account, standing}    it was answered: who gets the Replaces, the account by which that party was
--                                           called ('' it called), standing of the sender: 0 none, 1 a party's own
--                                           account, 2 in another dialog with a party's device

local DIALOGS_MOST = 256 -- dialogs of one device that are looked at: whoever stands behind them passes for a stranger

-- RFC 3891 §6.1: a tag of 0 also stands for none (RFC 2543).
local function is_tag(said, tag)
  return tag and (said == tag or (said == '0' and tag == ''))
end

local function is_early(early, said)
  for line in string.gmatch(early or '', '[^\n]+') do
    if is_tag(said, string.match(line, '^%d+ (.*)$')) then return true end
  end
  return false
end

-- Whether the sender is at the other end of a further dialog of this device.
local function talks_to(prefix, device, sender, replaced)
  if not device or device == '' then return false end
  local dialogs = redis.call('HKEYS', key(prefix, 'device', device))
  for i = 1, math.min(#dialogs, DIALOGS_MOST) do
    if dialogs[i] ~= replaced then
      local f = fields(key(prefix, 'talk', dialogs[i]), 'caller', 'callee', 'caller_party', 'callee_party')
      if (f[1] == device and f[4] == sender) or (f[2] == device and f[3] == sender) then return true end
    end
  end
  return false
end

local function replaced(keys, args)
  local prefix, sender = keys[1], args[1]
  for i = 2, #args, 3 do
    local id, said, stays = args[i], args[i + 1], args[i + 2]
    local call_key = key(prefix, 'call', id)
    local f = fields(call_key, 'k', 'e')
    if f[1] and is_early(f[2], said) then return { 1, id, redis.call('HGETALL', call_key) } end
    f = fields(key(prefix, 'talk', id), 'callee_tag', 'caller_party', 'callee_party', 'caller', 'callee', 'routed_to')
    if is_tag(said, f[1]) then
      local standing = 0
      if sender == f[2] or sender == f[3] then
        standing = 1
      elseif talks_to(prefix, f[4], sender, id) or talks_to(prefix, f[5], sender, id) then
        standing = 2
      end
      if stays == 'caller' then return { 2, f[2], '', standing } end
      return { 2, f[3], f[6], standing }
    end
  end
  return { 0 }
end
