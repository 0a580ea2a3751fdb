-- confirm acknowledges an assignment.
-- ARGV: worker, life, epoch
-- Answer: ok | fenced | pending
local w = get(ARGV[1])
if not w or w.life ~= ARGV[2] or w.epoch ~= ARGV[3] or w.user == '' then return reply('fenced') end
if w.state ~= 'serving' and not affirm(w, 0) then return reply('pending') end
return reply('ok')
