-- An index over a ledger that is elsewhere. Each id has a place: its order, its priority, its lane,
-- and the token of the take that it is out on, if it is.

local function place_of(id)
  local kept = ask('HGET', 'places', id)
  if not kept then return end
  local seq, priority, token, lane = string.match(kept, '^(%d+):(-?%d+):(%x*):(.+)$')
  if not (is_integer(seq) and is_integer(priority)) then
    redis.call('HDEL', base .. 'places', id)
    drop('the place of ' .. id)
    return
  end
  return {
    id = id, seq = seq, priority = priority, token = token, lane = lane,
    member = member_of(id, seq, priority),
  }
end

local function keep(place, token)
  place.token = token
  local kept = table.concat({place.seq, place.priority, token, place.lane}, ':')
  redis.call('HSET', base .. 'places', place.id, kept)
end

local function remove(place)
  if place.token ~= '' then
    ask('ZREM', 'taken', place.id)
  elseif ask('ZREM', 'ready:' .. place.lane, place.member) == 0 then
    ask('ZREM', 'delayed:' .. place.lane, place.member)
  end
  redis.call('HDEL', base .. 'places', place.id)
end

local function is_there(place)
  if place.token ~= '' then return ask('ZSCORE', 'taken', place.id) end
  return ask('ZSCORE', 'ready:' .. place.lane, place.member)
    or ask('ZSCORE', 'delayed:' .. place.lane, place.member)
end

local seen = {}

local function add(place, delay)
  local lane = place.lane
  if not seen[lane] then
    seen[lane] = true
    need('zset', 'ready:' .. lane)
    need('zset', 'delayed:' .. lane)
    need('hash', 'places')
  end
  put(lane, place.member, place.priority, tonumber(delay) > 0 and now + delay or 0)
  keep(place, '')
end

local WIDTH = 5

-- The entry that is told in the arguments: id, lane, priority, number and delay.
local function told(at)
  local id, lane, priority, seq, delay = unpack(ARGV, at, at + WIDTH - 1)
  return {
    id = id, lane = lane, priority = priority, seq = seq, member = member_of(id, seq, priority),
  }, delay
end
