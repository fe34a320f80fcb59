-- ARGV: the statuses to leave, and ids. Returns of each that waits again: id, kind, queue, priority, number.

need('zset', 'ended')
local waiting, states = {}, named(ARGV[2])
for _, id in ipairs(arguments(3)) do
  local job = look(id)
  if job and job.state == 'final' and states[job.status] then
    redis.call('ZREM', base .. 'ended', id)
    clear(
      job, 'result', 'error_type', 'error', 'traceback', 'started', 'finished', 'cancel',
      'cancelled_by', 'was_stopped', 'progress', 'expires'
    )
    change(job, 'attempts', 0, 'failures', 0, 'crashes', 0)
    wait(job, 'pending', 0)
    for _, value in ipairs({id, job.kind, job.queue, job.priority, job.seq}) do
      waiting[#waiting + 1] = value
    end
  end
end
tell()
return {dropped, waiting}
