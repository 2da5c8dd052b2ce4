-- ended: a call that rang is over without an answer (cancelled, refused, timed out).
-- KEYS[1]  prefix of the tenant
-- ARGV     id, statistic of the agent group that counts it when nobody was picking it up ('abandoned', …; '' none)
-- returns  {0}          there was no such call; a mark stops an `enter` that is still on its way
--          {1}          forgotten
--          {2, picker}  forgotten; the caller's device gave it up for this picker, who had claimed it
local function ended(keys, args)
  local prefix, id = keys[1], args[1]
  local f = fields(key(prefix, 'call', id), 'k', 'b', 'n', 'c', 'r', 'gone')
  if not f[1] then
    if f[6] or redis.call('EXISTS', key(prefix, 'talk', id)) == 1 then return { 0 } end
    mark_gone(prefix, id)
    return { 0 }
  end
  forget(prefix, id)
  if f[1] == 'a' and not f[2] and args[2] ~= '' then count(prefix, f[3], args[2]) end
  -- His node may be about to say that he waits.
  if f[1] == 'a' and args[2] == 'abandoned' then mark_gone(prefix, id) end
  -- Claimed and gone: a directed pickup is told "already answered" for a moment, not for as long as a claim lasts.
  local taken = key(prefix, 'taken', f[3])
  if f[2] and redis.call('GET', taken) == id and redis.call('PTTL', taken) > tonumber(MARK_MS) then
    redis.call('PEXPIRE', taken, MARK_MS)
  end
  -- Who is being sent to the picker's device gives up himself.
  if not f[2] or f[5] then return { 1 } end
  mark_gone(prefix, id, PICKED, f[4])
  return { 2, f[2] }
end
