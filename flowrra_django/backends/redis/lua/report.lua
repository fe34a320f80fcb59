-- ARGV: the worker, and of each job that tells of itself: id, claim, progress, log; '' for no news.

local WIDTH = 4
for at = 3, #ARGV, WIDTH do
  local id, number, progress, log = unpack(ARGV, at, at + WIDTH - 1)
  local job = look(id)
  if job and is_held(job, ARGV[2], number) then
    if progress ~= '' then change(job, 'progress', progress) end
    if log ~= '' then change(job, 'log', log) end
  end
end
return {dropped, 1}
