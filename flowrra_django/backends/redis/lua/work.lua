-- ARGV: lanes. Returns whether a job of theirs is due, or waits for its retry.

local TRIED = 100

local function has_retry(lane)
  for _ = 1, TRIED do
    local id = ask('SRANDMEMBER', 'later:' .. lane)
    if not id then return false end
    local job = look(id)
    if job and job.status == 'retrying' and job.lane == lane then return true end
    redis.call('SREM', base .. 'later:' .. lane, id)
  end
  return false
end

for _, lane in ipairs(arguments(2)) do
  if ask('ZCARD', 'ready:' .. lane) > 0
    or ask('ZCOUNT', 'delayed:' .. lane, '-inf', text(now)) > 0
    or has_retry(lane) then
    return {dropped, 1}
  end
end
return {dropped, 0}
