-- launched names the workers that a reservation has become.
-- ARGV: key, then workers
local image, kind = string.match(redis.call('HGET', P .. 'launch', ARGV[1]) or '', '^%d+ (%d+) (%a+)$')
if kind ~= 'asked' then return reply('ok') end
local deadline = redis.call('ZSCORE', P .. 'launching', ARGV[1])
arrived(ARGV[1])
for i = 2, #ARGV do
  -- A worker may be quicker than the answer to its launch.
  if redis.call('EXISTS', P .. 'worker:' .. ARGV[i]) == 0 then expect(ARGV[i], '1', image, 'named', deadline) end
end
return reply('ok')
