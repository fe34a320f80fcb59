-- ARGV: how many of a lane, and lanes. Returns the first of each of their priorities: members.

local lanes = arguments(3)
for _, lane in ipairs(lanes) do promote(lane) end
return {dropped, fronts_of(lanes, tonumber(ARGV[2]))}
