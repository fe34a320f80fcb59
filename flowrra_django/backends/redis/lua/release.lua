-- ARGV: the worker, and of each claim that is given back: id, claim, attempts with it, history, kind
-- of code, delay. Returns for each what settle.lua does.

local WIDTH = 6
local worker = ARGV[2]
need('set', 'held:' .. worker)
need('zset', 'ended')

local verdicts = {}
for at = 3, #ARGV, WIDTH do
  local id, number, attempts, history, kind, delay = unpack(ARGV, at, at + WIDTH - 1)
  local job = look(id)
  local verdict = '0'
  if job and is_held(job, worker, number) then
    redis.call('SREM', base .. 'held:' .. worker, id)
    job.kind, job.lane = kind, kind .. ':' .. job.queue
    change(job, 'kind', kind, 'attempts', job.attempts - 1)
    if job.is_unwanted then
      finish(job, 'cancelled')
      verdict = '1'
    else
      wait(job, job.failures + job.crashes > 0 and 'retrying' or 'pending', delay)
      verdict = '2'
    end
  elseif job and job.status ~= 'running' and job.claim == number
    and job.attempts == text(attempts - 1) and job.history == history then
    verdict = job.state == 'waiting' and '2' or '1'
  end
  verdicts[#verdicts + 1] = verdict
end
tell()
return {dropped, table.concat(verdicts)}
