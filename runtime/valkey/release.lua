-- release ends a user's session of one epoch.
-- ARGV: user, epoch
-- Answer: ok | fenced
local worker, epoch = session(ARGV[1])
if not worker or tonumber(epoch) < tonumber(ARGV[2]) then return reply('ok') end
if epoch ~= ARGV[2] then return reply('fenced') end
redis.call('DEL', P .. 'user:' .. ARGV[1])
local w = get(worker)
if w and w.epoch == epoch and w.user == ARGV[1] then unbind(w) end
return reply('ok')
