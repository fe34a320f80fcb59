-- ARGV: the worker, and ids. Returns now, the jobs it won, and what still waits and was not won:
-- id, kind, queue, priority, number, and delay of each.

local worker, ids = ARGV[2], arguments(3)
local won, waiting, asked = {}, {}, {}
local may_claim = is_enlisted(worker)
need('set', 'held:' .. worker)
need('set', 'holders')
need('zset', 'ended')
for _, id in ipairs(ids) do
  local job = not asked[id] and look_closely(id)
  asked[id] = true
  if job and job.state == 'waiting' then
    if is_late(job) then
      expire(job)
    elseif may_claim and job.due <= now then
      claim(job, worker)
      describe(job, won)
    else
      local delay = text(math.max(0, job.due - now))
      for _, value in ipairs({id, job.kind, job.queue, job.priority, job.seq, delay}) do
        waiting[#waiting + 1] = value
      end
    end
  end
end
tell()
if won[1] then redis.call('SADD', base .. 'holders', worker) end
return {dropped, {text(now), won, waiting}}
