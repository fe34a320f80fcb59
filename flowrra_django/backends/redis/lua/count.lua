-- ARGV: after how many seconds an hour goes, and of each minute of a queue: its hour, its name, and
-- counts by name, as JSON. They are added to what is there.

for at = 3, #ARGV, 3 do
  local hour, name, counts = 'hour:' .. ARGV[at], ARGV[at + 1], cjson.decode(ARGV[at + 2])
  need('hash', hour)
  local is_json, known = pcall(cjson.decode, redis.call('HGET', base .. hour, name) or '{}')
  if is_json and type(known) == 'table' then
    for what, count in pairs(known) do
      if type(count) == 'number' then counts[what] = (counts[what] or 0) + count end
    end
  end
  redis.call('HDEL', base .. hour, name) -- first what frees
  redis.call('HSET', base .. hour, name, cjson.encode(counts))
  redis.call('EXPIRE', base .. hour, ARGV[2])
end
return {dropped, 1}
