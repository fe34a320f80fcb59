-- ARGV: 1 if nobody waits for the answer any more, else 0; and for each job its id, name, kind, queue,
-- priority, max_crashes, args, kwargs, meta, when it is to run: '', 'in' or 'at', and microseconds;
-- its key or '', what comes of it if another job has that, and after how many microseconds it
-- expires, or ''. Returns the number of the first, and of each the job that has its key, or '', and
-- its delay. 'TAKEN' with an id is an error.

local WIDTH = 14
local is_late_record = ARGV[2] == '1'
local new, keys = {}, {}
for at = 3, #ARGV, WIDTH do
  local id, key, on_duplicate = ARGV[at], ARGV[at + 11], ARGV[at + 12]
  if new[id] or redis.call('EXISTS', base .. 'job:' .. id) == 1 then
    return redis.error_reply('DUPLICATE ' .. id)
  end
  new[id] = true
  local holder = holder_of(key)
  local first = holder and holder.id or keys[key]
  if first and on_duplicate == 'raise' and not is_late_record then
    return redis.error_reply('TAKEN ' .. first)
  end
  if key ~= '' then keys[key] = first or id end
end
need('hash', 'keys')
need('zset', 'expiring')
need('zset', 'ended')

local last = ask('GET', 'seq')
if not is_integer(last) then last = now end -- later than all that there was, should that be lost
redis.call('SET', base .. 'seq', text(last + (#ARGV - 2) / WIDTH))

local function fill(job, at, due)
  local _, _, kind, queue, priority, max_crashes, args, kwargs, meta, how, _, _, _, expires =
    unpack(ARGV, at, at + WIDTH - 1)
  job.kind, job.queue, job.priority, job.due, job.lane = kind, queue, priority, due, kind .. ':' .. queue
  job.member = member_of(job.id, job.seq, priority)
  change(
    job, 'kind', kind, 'queue', queue, 'priority', priority, 'max_crashes', max_crashes,
    'args', args, 'kwargs', kwargs, 'meta', meta, 'submitted', text(now)
  )
  if how ~= '' then change(job, 'run_after', text(due), 'due', text(due)) end
  job.expires = expires ~= '' and text(now + expires)
  if job.expires then
    change(job, 'expires', job.expires)
    redis.call('ZADD', base .. 'expiring', job.expires, job.id)
  end
  index(job)
end

local function add(at, key, due)
  local job = {id = ARGV[at], status = 'pending', seq = text(last), key = key ~= '' and key}
  change(
    job, 'status', 'pending', 'name', ARGV[at + 1], 'seq', job.seq, 'claim', 0, 'attempts', 0,
    'failures', 0, 'crashes', 0, 'history', '[]'
  )
  if job.key then
    change(job, 'key', key)
    redis.call('HSET', base .. 'keys', key, job.id)
  end
  fill(job, at, due)
  return job
end

local found = {text(last + 1)}
for at = 3, #ARGV, WIDTH do
  last = last + 1
  local how, when, key, on_duplicate = unpack(ARGV, at + 9, at + 12)
  local due = how == '' and now or tonumber(when) + (how == 'in' and now or 0)
  local holder = holder_of(key)
  if not holder then
    add(at, key, due)
  else
    if on_duplicate == 'replace' then
      unindex(holder)
      clear(holder, 'run_after', 'due', 'expires')
      redis.call('ZREM', base .. 'expiring', holder.id)
      fill(holder, at, due)
    end
    if is_late_record then
      local message = 'This is enqueued already, as job ' .. holder.id .. '.'
      end_unstarted(add(at, '', due), message, 'flowrra_django.exceptions.AlreadyEnqueued')
    end
  end
  found[#found + 1] = holder and holder.id or ''
  found[#found + 1] = text(math.max(0, due - now))
end
tell()
return {dropped, found}
