-- ARGV: how many. Returns the ids of jobs that have ended last, that run, and that have come last,
-- up to so many of each worker's and of each lane's.

local last, found = tonumber(ARGV[2]) - 1, {}

local function add(ids)
  for _, id in ipairs(ids) do found[#found + 1] = id end
end

add(ask('ZREVRANGE', 'ended', 0, last))
for _, worker in ipairs(ask('ZRANGE', 'beats', 0, -1)) do
  need('set', 'held:' .. worker)
  add(redis.call('SRANDMEMBER', base .. 'held:' .. worker, last + 1))
end
for _, lane in ipairs(ask('SMEMBERS', 'lanes')) do
  for _, name in ipairs({'ready:', 'delayed:'}) do
    for _, member in ipairs(ask('ZREVRANGE', name .. lane, 0, last)) do
      found[#found + 1] = parse(member)
    end
  end
end
return {dropped, found}
