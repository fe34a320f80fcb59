-- ARGV: the worker, how many jobs, turns (see common.lua), and lanes. Returns now, the jobs it won,
-- and when the next one is due: false if there is none, or if there may be more to take.

local worker, limit, lanes = ARGV[2], tonumber(ARGV[3]), arguments(5)
local won = {}
if limit < 1 or not is_enlisted(worker) then return {dropped, {text(now), won, false}} end
need('set', 'held:' .. worker)
need('set', 'holders')
need('zset', 'ended')
for _, lane in ipairs(lanes) do promote(lane) end

local found = first_of(lanes, limit, ARGV[4])
for _, entry in ipairs(found) do
  local id = parse(entry.member)
  local job = id and look_closely(id)
  if not job then drop(entry.member) end
  redis.call('ZREM', base .. 'ready:' .. entry.lane, entry.member)
  if job and job.state == 'waiting' then
    if is_late(job) then
      expire(job)
    elseif job.due <= now then
      claim(job, worker)
      describe(job, won)
    else
      index(job)
    end
  end
end
if won[1] then redis.call('SADD', base .. 'holders', worker) end

tell()
local due = next_due(lanes)
if not due and found[1] and not won[1] then due = '0' end -- behind what was none, there may be jobs
return {dropped, {text(now), won, due}}
