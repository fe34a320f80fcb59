-- Returns the lanes on which jobs wait, and forgets the others.

local lanes = {}
for _, lane in ipairs(ask('SMEMBERS', 'lanes')) do
  local kind = string.match(lane, '^(%a+):')
  if not KINDS[kind] then
    drop(lane)
    redis.call('SREM', base .. 'lanes', lane)
  elseif redis.call('EXISTS', base .. 'ready:' .. lane, base .. 'delayed:' .. lane) > 0 then
    lanes[#lanes + 1] = lane
  else
    redis.call('SREM', base .. 'lanes', lane)
  end
end
return {dropped, lanes}
