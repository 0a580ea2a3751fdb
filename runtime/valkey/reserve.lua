-- reserve writes the plan back, takes its calls from the bucket and notes what will be launched.
-- ARGV: version seen, plan, calls, launch ms, then key, image and count of each reservation
-- Answer: ok | stale
local left = calls() - tonumber(ARGV[3]) * 1000
if (redis.call('HGET', P .. 'plan', 'version') or '0') ~= ARGV[1] or left < 0 then return reply('stale') end
redis.call('HINCRBY', P .. 'plan', 'version', 1)
redis.call('HSET', P .. 'plan', 'text', ARGV[2])
redis.call('HSET', P .. 'calls', 'level', text(left), 'at', text(now))
for _, member in ipairs(redis.call('ZRANGEBYSCORE', P .. 'launching', '-inf', text(now), 'LIMIT', 0, 1024)) do arrived(member) end
local deadline = text(now + tonumber(ARGV[4]))
for i = 5, #ARGV, 3 do expect(ARGV[i], ARGV[i + 2], ARGV[i + 1], 'asked', deadline) end
return reply('ok')
