-- ARGV: the statuses of what to delete, and ids. Returns those of jobs that were deleted, which does
-- not happen to one that runs.

need('zset', 'ended')
local deleted, states = {}, named(ARGV[2])
for _, id in ipairs(arguments(3)) do
  local job = look(id)
  if job and job.state ~= 'running' and states[job.status] then
    if job.state == 'waiting' then unindex(job) end
    redis.call('ZREM', base .. 'ended', id)
    give_up_key(job)
    if job.expires then ask('ZREM', 'expiring', id) end
    redis.call('DEL', base .. 'job:' .. id)
    deleted[#deleted + 1] = id
    ended[#ended + 1] = id
  end
end
tell()
return {dropped, deleted}
