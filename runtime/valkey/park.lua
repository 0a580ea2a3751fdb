-- park keeps the workers of a host that falls silent on purpose: not those that have not acknowledged an assignment; and idle
-- ones are given to nobody before they are heard of again.
-- ARGV: host, silence ms, then workers
local host, until_ = ARGV[1], text(now + tonumber(ARGV[2]))
redis.call('ZADD', P .. 'hosts', until_, host)
for i = 3, #ARGV do
  local w = get(ARGV[i])
  if w and w.host == host and w.state ~= 'assigned' then
    if w.state == 'warm' then withdraw(w) end
    redis.call('ZADD', P .. 'lease', 'XX', 'GT', until_, ARGV[i])
  end
end
return reply('ok')
