-- withdraw lets one worker retire, at once if it is idle.
-- ARGV: worker
-- Answer: its state, or '' if it is not registered
local w = get(ARGV[1])
if not w then return reply('') end
redis.call('HSET', P .. 'worker:' .. w.id, 'leaving', '1')
if withdraw(w) then offer(w) end
return reply(w.state)
