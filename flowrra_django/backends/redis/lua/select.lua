-- ARGV: where to go on, how many keys to look at, statuses, up to which microsecond jobs are to have
-- been recorded, how many tasks are asked for (-1: any), their names, and the queues likewise.
-- Returns where to go on, '0' for nowhere, and ids of jobs that fit.

local statuses, latest = named(ARGV[4]), tonumber(ARGV[5])
local at = 6
local function asked()
  local count, names = tonumber(ARGV[at]), nil
  if count >= 0 then names = {} end
  for number = 1, count do names[ARGV[at + number]] = true end
  at = at + math.max(count, 0) + 1
  return names
end
local tasks, queues = asked(), asked()

local before_id = base .. 'job:'
local seen = redis.call('SCAN', ARGV[2], 'MATCH', before_id .. '*', 'COUNT', ARGV[3])
local found = {}
for _, key in ipairs(seen[2]) do
  local row = redis.pcall('HMGET', key, 'status', 'name', 'queue', 'submitted')
  if not row.err and row[1] and row[2] and row[3] and is_integer(row[4])
    and statuses[row[1]] and tonumber(row[4]) <= latest
    and (not tasks or tasks[row[2]]) and (not queues or queues[row[3]]) then
    found[#found + 1] = string.sub(key, #before_id + 1)
  end
end
return {dropped, {seen[1], found}}
