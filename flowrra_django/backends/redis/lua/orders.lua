-- ARGV: the worker. Returns whether it is to end, and of each job of its that is to be cancelled: id,
-- claim, who asks. Forgets what has left the state in which that can be asked.

local found = {ask('SISMEMBER', 'draining', ARGV[2])}
for _, id in ipairs(ask('SMEMBERS', 'unwanted')) do
  local job = look(id)
  if not (job and job.state == 'running' and job.is_unwanted) then
    redis.call('SREM', base .. 'unwanted', id)
  elseif job.worker == ARGV[2] then
    found[#found + 1] = id
    found[#found + 1] = job.claim
    found[#found + 1] = redis.call('HGET', base .. 'job:' .. id, 'cancelled_by') or ''
  end
end
return {dropped, found}
