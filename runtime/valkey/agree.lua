-- agree makes a returned worker serve, because the database agrees to its session.
-- ARGV: worker, life, epoch
-- Answer: ok | fenced
local w = get(ARGV[1])
if not w or w.life ~= ARGV[2] or w.epoch ~= ARGV[3] then return reply('fenced') end
if w.state ~= 'returned' and w.state ~= 'serving' then return reply('fenced') end
move(w, 'serving')
redis.call('ZREM', P .. 'ack', w.id)
return reply('ok')
