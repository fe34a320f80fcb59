-- ARGV: the token of a take of which nothing is known, and its ids.

for _, id in ipairs(arguments(3)) do
  local place = place_of(id)
  if place and place.token == ARGV[2] then
    remove(place)
    add(place, 0)
  end
end
return {dropped, 1}
