-- ARGV: ids.

for _, id in ipairs(arguments(2)) do
  local place = place_of(id)
  if place then remove(place) end
end
return {dropped, 1}
