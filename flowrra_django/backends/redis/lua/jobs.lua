-- Jobs as the ledger keeps them: a hash each, and beside it the indexes of what waits, of who holds
-- what, and of what has ended.

local STATUSES = {
  pending = 'waiting', retrying = 'waiting', running = 'running', success = 'final',
  failed = 'final', cancelled = 'final',
}
local KINDS = {io = true, thread = true, cpu = true}

-- Return a job, or nothing if there is none of that id, or what is there is no job.
local function look(id)
  local row = redis.pcall(
    'HMGET', base .. 'job:' .. id, 'status', 'kind', 'queue', 'priority', 'seq', 'claim',
    'attempts', 'failures', 'crashes', 'history', 'due', 'worker', 'cancel', 'key', 'expires'
  )
  if row.err or not (STATUSES[row[1]] and KINDS[row[2]] and row[3] and row[10]) then return end
  if not is_integer(row[4]) then return end
  for at = 5, 9 do
    if not is_count(row[at]) then return end
  end
  return {
    id = id, status = row[1], state = STATUSES[row[1]], kind = row[2], queue = row[3],
    priority = row[4], seq = row[5], claim = row[6], attempts = row[7], failures = row[8],
    crashes = row[9], history = row[10], due = tonumber(row[11] or 0) or 0,
    worker = row[12], is_unwanted = row[13] == '1', key = row[14],
    expires = is_integer(row[15]) and row[15], lane = row[2] .. ':' .. row[3],
    member = member_of(id, row[5], row[4]),
  }
end

-- Return a job with what it is to do, which may be long.
local function look_closely(id)
  local job = look(id)
  if not job then return end
  local row = redis.call(
    'HMGET', base .. 'job:' .. id, 'name', 'args', 'kwargs', 'meta', 'max_crashes', 'submitted',
    'run_after'
  )
  if not (row[1] and row[2] and row[3] and row[4]) then return end
  if not (is_integer(row[5]) and is_integer(row[6])) then return end
  job.name, job.args, job.kwargs, job.meta = row[1], row[2], row[3], row[4]
  job.max_crashes, job.submitted = row[5], row[6]
  job.run_after = is_integer(row[7]) and row[7] or '-'
  return job
end

local function change(job, ...)
  redis.call('HSET', base .. 'job:' .. job.id, ...)
end

local function clear(job, ...)
  redis.call('HDEL', base .. 'job:' .. job.id, ...)
end

-- The statuses that an argument names, as a set.
local function named(argument)
  local statuses = {}
  for status in string.gmatch(argument, '%a+') do statuses[status] = true end
  return statuses
end

-- Waiting

local seen = {}

local function index(job)
  local lane = job.lane
  if not seen[lane] then
    seen[lane] = true
    need('set', 'lanes')
    need('zset', 'ready:' .. lane)
    need('zset', 'delayed:' .. lane)
    need('set', 'later:' .. lane)
    redis.call('SADD', base .. 'lanes', lane)
  end
  put(lane, job.member, job.priority, job.due)
  if job.due > now and job.status == 'retrying' then
    redis.call('SADD', base .. 'later:' .. lane, job.id)
  end
end

local function unindex(job)
  local lane = job.lane
  if ask('ZREM', 'ready:' .. lane, job.member) == 0 then
    ask('ZREM', 'delayed:' .. lane, job.member)
  end
  if job.status == 'retrying' then ask('SREM', 'later:' .. lane, job.id) end
end

local function wait(job, status, delay)
  job.status, job.due = status, 0
  change(job, 'status', status)
  clear(job, 'worker', 'due')
  if tonumber(delay) > 0 then
    job.due = now + delay
    change(job, 'due', text(job.due))
  end
  index(job)
end

-- Keys and expiry

-- Of the jobs with one key there is one at a time, until it gives the key up.
local function holder_of(key)
  local id = key ~= '' and ask('HGET', 'keys', key)
  local job = id and look(id)
  if job and job.state ~= 'final' and job.key == key then return job end
end

local function give_up_key(job)
  if not job.key then return end
  if ask('HGET', 'keys', job.key) == job.id then redis.call('HDEL', base .. 'keys', job.key) end
  clear(job, 'key')
  job.key = nil
end

local function is_late(job)
  return job.expires and job.claim == '0' and tonumber(job.expires) <= now
end

-- Running

local function is_enlisted(worker)
  return ask('ZSCORE', 'beats', worker) ~= false
end

local function claim(job, worker)
  unindex(job)
  job.claim, job.attempts = job.claim + 1, job.attempts + 1
  change(
    job, 'status', 'running', 'worker', worker, 'started', text(now), 'claim', job.claim,
    'attempts', job.attempts
  )
  clear(job, 'due', 'progress')
  redis.call('SADD', base .. 'held:' .. worker, job.id)
  if job.expires then ask('ZREM', 'expiring', job.id) end
  if job.key and string.sub(job.key, 1, 6) == 'start:' then give_up_key(job) end
end

-- What a worker is told of a job that it holds.
local function describe(job, into)
  into[#into + 1] = job.id
  into[#into + 1] = job.name
  into[#into + 1] = job.queue
  into[#into + 1] = job.args
  into[#into + 1] = job.kwargs
  into[#into + 1] = job.history
  into[#into + 1] = job.meta
  into[#into + 1] = table.concat({
    job.kind, job.priority, job.max_crashes, job.seq, job.claim, job.attempts, job.failures,
    job.crashes, job.submitted, job.run_after,
  }, ' ')
end

local function is_held(job, worker, number)
  return job.status == 'running' and job.worker == worker and job.claim == number
end

-- The end

local ended = {}

local function finish(job, status)
  change(job, 'status', status, 'finished', text(now))
  clear(job, 'due')
  redis.call('ZADD', base .. 'ended', text(now), job.id)
  ended[#ended + 1] = job.id
  give_up_key(job)
  if job.expires then ask('ZREM', 'expiring', job.id) end
end

-- Cancel a job that waits, for a reason.
local function end_unstarted(job, message, kind)
  unindex(job)
  change(job, 'error', message, 'error_type', kind)
  finish(job, 'cancelled')
end

local function expire(job)
  local seconds = (job.expires - (redis.call('HGET', base .. 'job:' .. job.id, 'submitted') or now)) / 1e6
  local kind = 'flowrra_django.exceptions.JobExpiredError'
  end_unstarted(job, string.format('Not started within %g s.', seconds), kind)
end

local function prune(older_than, limit)
  local ids = ask('ZRANGEBYSCORE', 'ended', '-inf', '(' .. text(older_than), 'LIMIT', 0, limit)
  for _, id in ipairs(ids) do
    local job = look(id)
    if not job or job.state == 'final' then redis.call('DEL', base .. 'job:' .. id) end
    redis.call('ZREM', base .. 'ended', id)
  end
  return #ids
end

local function tell()
  ring()
  if ended[1] then redis.call('PUBLISH', base .. 'ended', table.concat(ended, '\n')) end
end
