-- undo takes a binding back that nobody is known to have delivered, and frees its worker. After a gap that is not known
-- until the worker was heard of.
-- ARGV: user, epoch, acknowledge ms, ttl ms, guard ms
-- Answer: 1 if it did, else 0
local worker, epoch = session(ARGV[1])
if epoch ~= ARGV[2] then return reply(0) end
local w = get(worker)
if not w or w.user ~= ARGV[1] or w.epoch ~= epoch or w.state ~= 'assigned' or w.sent ~= '0' then return reply(0) end
if unsure(spoke(worker, tonumber(ARGV[4])), tonumber(ARGV[5])) then return reply(0) end
unbind(w)
move(w, 'warm')
offer(w)
match(tonumber(ARGV[3]))
return reply(1)
