-- ARGV: how many, and lanes. Returns the members of their indexes, up to so many.

local left, found = tonumber(ARGV[2]), {}
for _, lane in ipairs(arguments(3)) do
  for _, name in ipairs({'ready:', 'delayed:'}) do
    if left < 1 then return {dropped, found} end
    for _, member in ipairs(ask('ZRANGE', name .. lane, 0, left - 1)) do
      found[#found + 1] = member
      left = left - 1
    end
  end
end
return {dropped, found}
