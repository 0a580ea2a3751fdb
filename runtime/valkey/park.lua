-- park keeps the workers of a host that falls silent on purpose.
-- ARGV: host, silence ms, then workers
local host, until_ = ARGV[1], text(now + tonumber(ARGV[2]))
redis.call('ZADD', P .. 'hosts', until_, host)
for i = 3, #ARGV do
  if redis.call('HGET', P .. 'worker:' .. ARGV[i], 'host') == host then
    redis.call('ZADD', P .. 'lease', 'XX', 'GT', until_, ARGV[i])
  end
end
return reply('ok')
