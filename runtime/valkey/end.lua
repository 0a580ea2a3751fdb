-- end drops workers whose processes are known to have ended, in whatever life.
-- ARGV: acknowledge ms, renew ms, then workers
-- Answer: deaths
local deaths = {}
for i = 3, #ARGV do
  local w = get(ARGV[i])
  if w then deaths[#deaths + 1] = drop(w, tonumber(ARGV[2])) end
end
trim()
match(tonumber(ARGV[1]))
return reply(deaths)
