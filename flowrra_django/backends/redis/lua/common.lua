-- What every script begins with. A full Redis refuses a script whose first write may need memory, and
-- takes all the rest after one that never does: where jobs are to go on, that comes first.
-- KEYS[1] begins the name of every key, in one hash tag; ARGV[1] is
-- how many microseconds the clock is ahead, which is 0 outside of tests. Times are in microseconds.

local base = KEYS[1]
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] + ARGV[1]

local dropped = 0 -- each script returns it, with its value
local CAP = 1000

-- Numbers that are joined to text would lose digits.
local function text(number)
  return string.format('%.0f', number)
end

local function is_integer(value)
  return value and #value <= 16 and string.find(value, '^-?%d+$') ~= nil
end

local function is_count(value)
  return is_integer(value) and string.byte(value) ~= string.byte('-')
end

-- What is no job goes to a list of its own, which keeps the last of them for people to look at.
local function drop(what)
  dropped = dropped + 1
  redis.call('LTRIM', base .. 'dead', 0, CAP - 2) -- first what frees
  redis.call('LPUSH', base .. 'dead', string.sub(what, 1, 200))
end

local function set_aside(name)
  redis.call('RENAME', base .. name, base .. 'aside:' .. name)
  drop('the key ' .. name)
end

-- Make sure, before anything is written, that a key is what it should be.
local function need(kind, name)
  local found = redis.call('TYPE', base .. name).ok
  if found ~= kind and found ~= 'none' then set_aside(name) end
end

-- Read a key; one that is not what it should be is empty.
local function ask(command, name, ...)
  local answer = redis.pcall(command, base .. name, ...)
  if type(answer) ~= 'table' or not answer.err then return answer end
  if string.find(answer.err, 'WRONGTYPE') then set_aside(name) end
  return redis.call(command, base .. name, ...)
end

-- A member of an index begins with its place in the order of arrival, by which Redis orders what
-- has the same score.
local function member_of(id, seq, priority)
  return string.format('%016.0f:%s:%s', seq, priority, id)
end

local function parse(member)
  local seq, priority, id = string.match(member, '^(%d+):(-?%d+):(.+)$')
  if seq and is_integer(priority) then return id, tonumber(priority), seq end
end

-- When the jobs of each lane come: the first at `start`, each next one `step` later. What is told
-- are the numbers of all lanes in their order, or nothing where all come at the same time.
local function turns_of(lanes, told)
  local turns, number = {}, 0
  for _, lane in ipairs(lanes) do turns[lane] = {start = 0, step = 0} end
  for start, step in string.gmatch(told, '(%S+) (%S+)') do
    number = number + 1
    turns[lanes[number]] = {start = tonumber(start), step = tonumber(step)}
  end
  return turns
end

-- The first of all lanes: the lane and the member of each, up to a limit.
local function before(one, other)
  if one.turn ~= other.turn then return one.turn < other.turn end
  if one.score ~= other.score then return one.score < other.score end
  return one.member < other.member
end

local function first_of(lanes, limit, told)
  local heads, found, turns = {}, {}, turns_of(lanes, told)
  for _, lane in ipairs(lanes) do
    local head = ask('ZRANGE', 'ready:' .. lane, 0, 0, 'WITHSCORES')
    if head[1] then
      heads[#heads + 1] = {
        lane = lane, member = head[1], score = tonumber(head[2]), turn = turns[lane].start,
      }
    end
  end
  table.sort(heads, before)
  for rank = 1, math.min(#heads, limit) do -- so many lanes come before this one's first
    local lane = heads[rank].lane
    local rows = redis.call('ZRANGE', base .. 'ready:' .. lane, 0, limit - rank, 'WITHSCORES')
    for at = 1, #rows, 2 do
      local turn = turns[lane].start + (at - 1) / 2 * turns[lane].step
      found[#found + 1] = {
        lane = lane, member = rows[at], score = tonumber(rows[at + 1]), turn = turn,
      }
    end
  end
  if #heads > 1 then table.sort(found, before) end
  for at = #found, limit + 1, -1 do found[at] = nil end
  return found
end

-- The first of each priority of the lanes, up to so many of each, the least urgent first.
local function fronts_of(lanes, most)
  local found = {}
  for _, lane in ipairs(lanes) do
    local highest = '+inf'
    for _ = 1, most do
      local last = ask(
        'ZREVRANGEBYSCORE', 'ready:' .. lane, highest, '-inf', 'WITHSCORES', 'LIMIT', 0, 1
      )
      if not last[1] then break end
      local score = last[2]
      local member =
        redis.call('ZRANGEBYSCORE', base .. 'ready:' .. lane, score, score, 'LIMIT', 0, 1)[1]
      if parse(member) then
        found[#found + 1] = member
      else
        drop(member)
        redis.call('ZREM', base .. 'ready:' .. lane, member)
      end
      highest = '(' .. score
    end
  end
  return found
end

-- Let delayed jobs that are due now wait like others.
local function promote(lane)
  local due = ask('ZRANGEBYSCORE', 'delayed:' .. lane, '-inf', text(now), 'LIMIT', 0, CAP)
  if not due[1] then return end
  need('zset', 'ready:' .. lane)
  for _, member in ipairs(due) do
    local _, priority = parse(member)
    redis.call('ZREM', base .. 'delayed:' .. lane, member) -- first what frees
    if priority then
      redis.call('ZADD', base .. 'ready:' .. lane, priority, member)
    else
      drop(member)
    end
  end
end

-- In how many microseconds the next delayed job of the lanes is due; false if there is none, or
-- if there is more to take.
local function next_due(lanes)
  local first = math.huge
  for _, lane in ipairs(lanes) do
    if ask('ZCARD', 'ready:' .. lane) > 0 then return false end
    local head = ask('ZRANGE', 'delayed:' .. lane, 0, 0, 'WITHSCORES')
    if head[2] then first = math.min(first, tonumber(head[2])) end
  end
  return first < math.huge and text(math.max(0, first - now))
end

-- The lanes for whose jobs one who waits should look. Who has room for jobs leaves none waiting, so
-- that only the first one is news.
local news = {}

local function put(lane, member, priority, due)
  if due > now then
    if not news[lane] then
      local head = redis.call('ZRANGE', base .. 'delayed:' .. lane, 0, 0, 'WITHSCORES')
      news[lane] = not head[2] or due < tonumber(head[2])
    end
    redis.call('ZADD', base .. 'delayed:' .. lane, text(due), member)
  else
    news[lane] = news[lane] or redis.call('EXISTS', base .. 'ready:' .. lane) == 0
    redis.call('ZADD', base .. 'ready:' .. lane, priority, member)
  end
end

-- Tell the kinds of what is news.
local function ring()
  local kinds, has_kind = {}, {}
  for lane, is_news in pairs(news) do
    local kind = is_news and string.match(lane, '^%a+')
    if kind and not has_kind[kind] then
      has_kind[kind] = true
      kinds[#kinds + 1] = kind
    end
  end
  if kinds[1] then redis.call('PUBLISH', base .. 'wake', table.concat(kinds, ' ')) end
end

local function arguments(from)
  local values = {}
  for at = from, #ARGV do values[#values + 1] = ARGV[at] end
  return values
end
