-- exit drops a worker whose process has exited.
-- ARGV: worker, life
-- Answer: dead <death> | gone | fenced
local w = get(ARGV[1])
if not w then return reply('gone') end
if tonumber(w.life) > tonumber(ARGV[2]) then return reply('fenced') end
return reply('dead', drop(w))
