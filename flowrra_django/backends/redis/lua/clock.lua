-- Returns now.

return {dropped, now}
