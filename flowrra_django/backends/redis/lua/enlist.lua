-- ARGV: the worker, and what it says of itself.

need('zset', 'beats')
need('hash', 'workers')
redis.call('ZREM', base .. 'beats', ARGV[2]) -- first what frees: new workers can empty a full Redis
redis.call('HSET', base .. 'workers', ARGV[2], ARGV[3])
redis.call('ZADD', base .. 'beats', text(now), ARGV[2])
return {dropped, 1}
