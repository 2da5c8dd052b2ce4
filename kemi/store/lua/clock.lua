-- clock: the store's own time. Asked first on every connection, so that a store which came back without the library is
-- found out before anything is recorded in it.
-- KEYS     none
-- returns  now, in µs since 1970
local function clock()
  return string.format('%.0f', now_us())
end
