-- confirm acknowledges an assignment, or the database agrees to a returned session.
-- ARGV: worker, life, epoch
-- Answer: ok | fenced
local w = get(ARGV[1])
if not w or w.life ~= ARGV[2] or w.epoch ~= ARGV[3] or w.user == '' then return reply('fenced') end
move(w, 'serving')
redis.call('ZREM', P .. 'ack', w.id)
return reply('ok')
