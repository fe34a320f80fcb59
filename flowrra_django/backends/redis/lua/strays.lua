-- Returns who holds jobs and is not enlisted.

local strays = {}
for _, worker in ipairs(ask('SMEMBERS', 'holders')) do
  if ask('SCARD', 'held:' .. worker) == 0 then
    redis.call('SREM', base .. 'holders', worker)
  elseif not is_enlisted(worker) then
    strays[#strays + 1] = worker
  end
end
return {dropped, strays}
