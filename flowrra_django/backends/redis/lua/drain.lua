-- ARGV: the worker. Returns whether it is enlisted, and so asked to end.

if not is_enlisted(ARGV[2]) then return {dropped, 0} end
need('set', 'draining')
redis.call('SREM', base .. 'draining', ARGV[2]) -- first what frees
redis.call('SADD', base .. 'draining', ARGV[2])
return {dropped, 1}
