-- ARGV: 1 to add only what is missing, or in a place behind its own; or 0: then the last that is
-- said of a job counts. And entries. Returns how many were added.

local only_missing = ARGV[2] == '1'

local function is_behind(place, entry, delay)
  if place.token ~= '' then return false end -- the ledger is asked anew before it waits again
  if place.member ~= entry.member then return true end
  local due = tonumber(delay) == 0 and ask('ZSCORE', 'delayed:' .. place.lane, place.member)
  return due and tonumber(due) > now
end

local added = 0
for at = 3, #ARGV, WIDTH do
  local entry, delay = told(at)
  local place = place_of(entry.id)
  if not (place and only_missing and is_there(place) and not is_behind(place, entry, delay)) then
    if place then remove(place) end
    add(entry, delay)
    added = added + 1
  end
end
ring()
return {dropped, added}
