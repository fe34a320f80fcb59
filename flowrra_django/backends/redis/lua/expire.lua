-- ARGV: how many. Returns the ids of jobs that were cancelled, since nobody had claimed them in time.

need('zset', 'ended')
local expired = {}
local ids = ask('ZRANGEBYSCORE', 'expiring', '-inf', text(now), 'LIMIT', 0, tonumber(ARGV[2]))
for _, id in ipairs(ids) do
  redis.call('ZREM', base .. 'expiring', id)
  local job = look(id)
  if job and job.state == 'waiting' and is_late(job) then
    expire(job)
    expired[#expired + 1] = id
  end
end
tell()
return {dropped, expired}
