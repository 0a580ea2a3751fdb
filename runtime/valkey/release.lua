-- release ends a user's session of one epoch. A worker that was never told of it is free again at once.
-- ARGV: user, epoch, acknowledge ms
-- Answer: ok | fenced
local worker, epoch = session(ARGV[1])
if not worker or tonumber(epoch) < tonumber(ARGV[2]) then return reply('ok') end
if epoch ~= ARGV[2] then return reply('fenced') end
redis.call('DEL', P .. 'user:' .. ARGV[1])
local w = get(worker)
if not w or w.epoch ~= epoch or w.user ~= ARGV[1] then return reply('ok') end
local untold = w.state == 'assigned' and w.sent == '0'
unbind(w)
if untold then
  move(w, 'warm')
  offer(w.id, w.host, w.revision)
  match(tonumber(ARGV[3]))
end
return reply('ok')
