-- Returns now, and of each worker its id, when it has beaten last, what it says of itself, how much
-- memory it takes up ('' if not known), how many of its threads go on with jobs that were given up,
-- and whether it is to end.

local found = {text(now)}
local beats = ask('ZRANGE', 'beats', 0, -1, 'WITHSCORES')
for at = 1, #beats, 2 do
  local worker = beats[at]
  local memory = ask('HGET', 'memory', worker)
  local abandoned = ask('HGET', 'abandoned', worker)
  found[#found + 1] = worker
  found[#found + 1] = text(tonumber(beats[at + 1]))
  found[#found + 1] = ask('HGET', 'workers', worker) or ''
  found[#found + 1] = is_integer(memory) and memory or ''
  found[#found + 1] = is_integer(abandoned) and abandoned or '0'
  found[#found + 1] = ask('SISMEMBER', 'draining', worker)
end
return {dropped, found}
