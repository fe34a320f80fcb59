-- ARGV: a token, for how many microseconds what is taken is out, how many jobs, turns (see
-- common.lua), and lanes. Returns ids, and when the next job is due: false if there is none, or if
-- there may be more to take.

local token, lease, limit, lanes = ARGV[2], ARGV[3], tonumber(ARGV[4]), arguments(6)

for _, id in ipairs(ask('ZRANGEBYSCORE', 'taken', '-inf', text(now), 'LIMIT', 0, CAP)) do
  local place = place_of(id)
  redis.call('ZREM', base .. 'taken', id)
  if place and place.token ~= '' then add(place, 0) end
end
for _, lane in ipairs(lanes) do promote(lane) end

local ids = {}
local found = first_of(lanes, limit, ARGV[5])
for _, entry in ipairs(found) do
  local id = parse(entry.member)
  local place = id and place_of(id)
  redis.call('ZREM', base .. 'ready:' .. entry.lane, entry.member)
  if place and place.lane == entry.lane and place.member == entry.member and place.token == '' then
    keep(place, token)
    redis.call('ZADD', base .. 'taken', text(now + lease), id)
    ids[#ids + 1] = id
  else
    drop(entry.member)
  end
end

local due = next_due(lanes)
if not due and found[1] and not ids[1] then due = '0' end -- behind what was none, there may be jobs
return {dropped, {ids, due}}
