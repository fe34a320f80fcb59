-- ARGV: the worker, and when it must have beaten last; '' if it must be unknown, 'any' for whenever.
-- Returns whether it is gone.

local worker, beat_at = ARGV[2], ARGV[3]
local score = ask('ZSCORE', 'beats', worker)
local found = score and text(tonumber(score)) or ''
if beat_at ~= 'any' and beat_at ~= found then return {dropped, 0} end
need('hash', 'workers')
need('hash', 'memory')
need('hash', 'abandoned')
need('set', 'draining')
redis.call('ZREM', base .. 'beats', worker)
redis.call('HDEL', base .. 'workers', worker)
redis.call('HDEL', base .. 'memory', worker)
redis.call('HDEL', base .. 'abandoned', worker)
redis.call('SREM', base .. 'draining', worker)
return {dropped, 1}
