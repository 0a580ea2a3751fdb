-- retire takes idle workers of one image on one host out of the pool, the least preferred first.
-- ARGV: host, image, count
-- Answer: workers
local retired, count = {}, tonumber(ARGV[3])
if count < 1 then return reply(retired) end
local shelf = idle({ host = ARGV[1], revision = ARGV[2] })
for _, id in ipairs(redis.call('ZREVRANGE', shelf, 0, count - 1)) do
  local w = get(id)
  if not w then
    redis.call('ZREM', shelf, id)
  elseif withdraw(w) then
    retire(w)
    retired[#retired + 1] = id
  end
end
return reply(retired)
