-- gone says whether a worker is known to be out of a life.
-- ARGV: worker, life
-- Answer: 1 if it is, else 0
local w = get(ARGV[1])
if w and tonumber(w.life) > tonumber(ARGV[2]) then return reply(1) end
return reply(redis.call('ZSCORE', P .. 'exited', ARGV[1] .. ' ' .. ARGV[2]) and 1 or 0)
