-- ARGV: how many. Returns the ids of jobs that run, up to so many.

local limit, found = tonumber(ARGV[2]), {}
for _, worker in ipairs(ask('SMEMBERS', 'holders')) do
  for _, id in ipairs(ask('SRANDMEMBER', 'held:' .. worker, limit)) do
    if #found < limit then found[#found + 1] = id end
  end
end
return {dropped, found}
