-- ARGV: the run of the server that all that waits has been told to; '' to ask. Returns it.

need('string', 'run')
if ARGV[2] ~= '' then redis.call('SET', base .. 'run', ARGV[2]) end
return {dropped, redis.call('GET', base .. 'run')}
