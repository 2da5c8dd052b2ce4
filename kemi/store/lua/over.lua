-- over: a confirmed dialog ended.
-- KEYS[1]  prefix of the tenant
-- ARGV     two ids (the dialog seen from either end; one of them exists)
-- returns  1 done
--          0 no such dialog
local function over(keys, args)
  return (finish(keys[1], args[1]) or finish(keys[1], args[2])) and 1 or 0
end
