-- ARGV: who asks, the statuses to leave, and ids. Returns those of jobs that were cancelled, or asked
-- to end.

local by = ARGV[2]
need('zset', 'ended')
need('set', 'unwanted')
local cancelled, states = {}, named(ARGV[3])
for _, id in ipairs(arguments(4)) do
  local job = look(id)
  if job and states[job.status] and job.state ~= 'final' then
    if job.state == 'waiting' then
      unindex(job)
      finish(job, 'cancelled')
    else
      redis.call('SREM', base .. 'unwanted', id) -- first what frees
      change(job, 'cancel', 1)
      redis.call('SADD', base .. 'unwanted', id)
    end
    if by ~= '' then redis.call('HSETNX', base .. 'job:' .. id, 'cancelled_by', by) end
    cancelled[#cancelled + 1] = id
  end
end
tell()
return {dropped, cancelled}
