-- ARGV: the worker, whether what was written already counts as accepted, after how many
-- microseconds results may go ('' for never), and of each outcome: id, claim, attempts, status,
-- failures, crashes, history, delay, result, the type of the error, its message and its traceback,
-- and for a job that was cancelled whether it was stopped.
-- Returns for each '0' if it was refused, '1' if the job has ended, '2' if it waits again.

local WIDTH = 13
local worker, may_repeat, ttl = ARGV[2], ARGV[3] == '1', ARGV[4]
need('set', 'held:' .. worker)
need('zset', 'ended')

local function was_written(job, number, attempts, history)
  return may_repeat and job.status ~= 'running' and job.claim == number
    and job.attempts == attempts and job.history == history
end

local verdicts = {}
for at = 5, #ARGV, WIDTH do
  local id, number, attempts, status, failures, crashes, history, delay, result, error_type,
    message, traceback, was_stopped = unpack(ARGV, at, at + WIDTH - 1)
  local job = look(id)
  local verdict = '0'
  if job and is_held(job, worker, number) then
    redis.call('SREM', base .. 'held:' .. worker, id) -- first what frees
    change(job, 'failures', failures, 'crashes', crashes, 'history', history)
    clear(job, 'result', 'error_type', 'error', 'traceback')
    if was_stopped ~= '' then change(job, 'was_stopped', was_stopped) end
    if result ~= '' then change(job, 'result', result) end
    if error_type ~= '' then
      change(job, 'error_type', error_type, 'error', message, 'traceback', traceback)
    end
    if status ~= 'retrying' or job.is_unwanted then
      finish(job, status == 'retrying' and 'cancelled' or status)
      verdict = '1'
    else
      wait(job, status, delay)
      verdict = '2'
    end
  elseif job and was_written(job, number, attempts, history) then
    verdict = job.state == 'waiting' and '2' or '1'
  end
  verdicts[#verdicts + 1] = verdict
end
if ttl ~= '' then prune(now - ttl, 2 * #verdicts) end
tell()
return {dropped, table.concat(verdicts)}
