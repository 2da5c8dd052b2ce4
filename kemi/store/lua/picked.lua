-- picked: picker and caller are connected: the caller's device took the picker's INVITE (the claim then lasts until the
-- old call has ended: `ended`, or its own ttl), or the picker's device answered the caller's (the call is over with that).
-- KEYS[1]  prefix of the tenant
-- ARGV     id, claim token, ms for which a directed pickup of the account is told "already answered", dialog ttl_ms,
--          id of the new dialog (the call's own: the picker's device answered the caller's INVITE),
--          picker's device, its state ('1' talking, '0' on hold), caller's device, its state,
--          agents that take part in it (blank-separated), agent group that counts the pickup ('' none),
--          party of the caller of the dialog, of its callee, callee tag
-- returns  {1}          done
--          {0}          the old call has ended already, or the claim had expired. A new dialog of its own is confirmed all
--                       the same, unless it is over; to the caller's own INVITE the picker's answer comes too late
--          {3, callee}  the callee had answered, and the caller's device took the picker all the same: that dialog is
--                       forgotten and must be ended (the callee's end, packed)
local function picked(keys, args)
  local prefix, id, group = keys[1], args[1], args[11]
  local call_key = key(prefix, 'call', id)
  local f = fields(call_key, 'c', 'n', 'gone', 'o', 'h')
  local rerouted, held = args[5] == id, f[1] == args[2]
  if rerouted and not held then return { 0 } end
  -- A 200 that is repeated begins nothing anew.
  if not rerouted and redis.call('HGET', key(prefix, 'call', args[5]), 'gone') == ANSWERED then return { 0 } end
  local gone = f[4] == args[2] and f[3] or ''
  -- The caller's device may have ended its call for this picker before the answer was recorded.
  local crossed = gone == ANSWERED or (gone == PICKED and f[5] and f[5] ~= '')
  if crossed then
    finish(prefix, id)
    mark_gone(prefix, id, PICKED, args[2])
  end
  if rerouted then forget(prefix, id) end
  confirm(prefix, args[5], args[4], args[6], args[7], args[8], args[9], args[10], '',
    { args[12], args[13], args[14], '' })
  if group ~= '' then
    count(prefix, group, 'picked_up')
    if gone == ANSWERED then count(prefix, group, 'answered', -1) end
  end
  if held then mark_taken(prefix, id, f[2], args[3]) end
  if rerouted then
    mark_gone(prefix, id, PICKED, args[2])
  elseif held then
    local ttl_ms = redis.call('PTTL', call_key)
    redis.call('HSET', call_key, 'd', 1)
    redis.call('ZADD', key(prefix, 'claims'), now_us() + ttl_ms * 1000, id)
    lengthen(key(prefix, 'claims'), ttl_ms)
  end
  if crossed then return { 3, f[5] } end
  return { held and 1 or 0 }
end
