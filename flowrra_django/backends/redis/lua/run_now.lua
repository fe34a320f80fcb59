-- ARGV: the statuses to leave waiting, and ids. Returns of each that goes first: id, kind, queue,
-- priority, number.

local first = '-2147483648'
local waiting, states = {}, named(ARGV[2])
for _, id in ipairs(arguments(3)) do
  local job = look(id)
  if job and job.state == 'waiting' and states[job.status] then
    unindex(job)
    local run_after = redis.call('HGET', base .. 'job:' .. id, 'run_after')
    if is_integer(run_after) and tonumber(run_after) > now then change(job, 'run_after', text(now)) end
    change(job, 'priority', first)
    clear(job, 'due')
    job.priority, job.due, job.member = first, 0, member_of(id, job.seq, first)
    index(job)
    for _, value in ipairs({id, job.kind, job.queue, first, job.seq}) do
      waiting[#waiting + 1] = value
    end
  end
end
tell()
return {dropped, waiting}
