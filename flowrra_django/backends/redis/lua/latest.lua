-- ARGV: how many. Returns the ids of jobs that have ended, up to so many, the last one first.

local limit, found, at = tonumber(ARGV[2]), {}, 0
while #found < limit do
  local ids = ask('ZREVRANGE', 'ended', at, at + limit - 1)
  if not ids[1] then break end
  for _, id in ipairs(ids) do
    local job = look(id)
    if job and job.state == 'final' and #found < limit then found[#found + 1] = id end
  end
  at = at + limit
  if at > CAP then break end -- those before are jobs that were run again
end
return {dropped, found}
