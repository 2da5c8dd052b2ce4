-- The caller of a call, packed, in pieces: a hash whose values all have at most 64 bytes Redis keeps in one compact piece
-- of memory (hash-max-listpack-value), a third of what it takes otherwise.

local PIECE = 64

-- Append the fields to a list of names and values.
local function put_caller(list, caller)
  for i = 1, math.ceil(#caller / PIECE) do
    list[#list + 1] = 'x' .. i
    list[#list + 1] = string.sub(caller, (i - 1) * PIECE + 1, i * PIECE)
  end
end
