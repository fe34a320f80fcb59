-- ARGV: how many microseconds ago a job has to have ended, and how many to delete. Returns how many
-- were.

return {dropped, prune(now - ARGV[2], tonumber(ARGV[3]))}
