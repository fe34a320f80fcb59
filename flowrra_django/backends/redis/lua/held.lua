-- ARGV: the worker. Returns the jobs that it holds, each followed by when it was claimed.

local worker = ARGV[2]
local jobs = {}
for _, id in ipairs(ask('SMEMBERS', 'held:' .. worker)) do
  local job = look_closely(id)
  if job and job.status == 'running' and job.worker == worker then
    describe(job, jobs)
    jobs[#jobs + 1] = redis.call('HGET', base .. 'job:' .. id, 'started')
  else
    redis.call('SREM', base .. 'held:' .. worker, id)
  end
end
return {dropped, jobs}
