-- ARGV: lanes. Returns how many jobs wait there, the delayed ones too.

local depth = 0
for _, lane in ipairs(arguments(2)) do
  depth = depth + ask('ZCARD', 'ready:' .. lane) + ask('ZCARD', 'delayed:' .. lane)
end
return {dropped, depth}
