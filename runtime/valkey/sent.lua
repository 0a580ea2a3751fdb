-- sent notes that an assignment is in its host's mail.
-- ARGV: worker, epoch
-- Answer: ok | fenced
local w = get(ARGV[1])
if not w or w.epoch ~= ARGV[2] or w.user == '' then return reply('fenced') end
redis.call('HSET', P .. 'worker:' .. w.id, 'sent', '1')
return reply('ok')
