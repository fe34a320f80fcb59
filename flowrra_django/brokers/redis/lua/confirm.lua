-- ARGV: the token of a take, how many of its jobs still wait, their entries, how many others there
-- were, their ids, and lanes. Returns when the next job of the lanes is due, as take.lua does.

local token = ARGV[2]
local function is_mine(id)
  local place = place_of(id)
  return place and place.token == token and place
end

local at = 4
for _ = 1, ARGV[3] do
  local entry, delay = told(at)
  local place = is_mine(entry.id)
  if place then
    remove(place)
    add(entry, delay)
  end
  at = at + WIDTH
end
for number = 1, ARGV[at] do
  local place = is_mine(ARGV[at + number])
  if place then remove(place) end
end
return {dropped, next_due(arguments(at + ARGV[at] + 1))}
