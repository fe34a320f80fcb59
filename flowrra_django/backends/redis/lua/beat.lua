-- ARGV: the worker, how much memory it takes up ('' if not known), and how many of its threads go on
-- with jobs that were given up. Returns whether it is enlisted.

if not is_enlisted(ARGV[2]) then return {dropped, 0} end
redis.call('ZREM', base .. 'beats', ARGV[2]) -- first what frees
redis.call('ZADD', base .. 'beats', text(now), ARGV[2])
if is_integer(ARGV[3]) then
  need('hash', 'memory')
  redis.call('HSET', base .. 'memory', ARGV[2], ARGV[3])
end
need('hash', 'abandoned')
redis.call('HSET', base .. 'abandoned', ARGV[2], ARGV[4])
return {dropped, 1}
