-- retire takes idle workers out of the pool, the least preferred first; it looks at 1,024 at most.
-- ARGV: host, image, count
-- Answer: workers
local retired = {}
for _, id in ipairs(redis.call('ZREVRANGE', P .. 'free', 0, 1023)) do
  if #retired == tonumber(ARGV[3]) then break end
  local w = get(id)
  if w and w.host == ARGV[1] and w.revision == ARGV[2] then
    redis.call('ZREM', P .. 'free', id)
    redis.call('ZADD', P .. 'draining', text(now), id)
    move(w, 'draining')
    retired[#retired + 1] = id
  end
end
return reply(retired)
