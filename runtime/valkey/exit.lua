-- exit drops a worker whose process has exited.
-- ARGV: worker, life, acknowledge ms, renew ms
-- Answer: dead <death> | gone | fenced
local w = get(ARGV[1])
if not w then
  remember(ARGV[1], ARGV[2])
  trim()
  return reply('gone')
end
if tonumber(w.life) > tonumber(ARGV[2]) then return reply('fenced') end
local death = drop(w, tonumber(ARGV[4]))
trim()
match(tonumber(ARGV[3]))
return reply('dead', death)
