-- raise lifts the floor under all epochs to come.
-- ARGV: floor
if tonumber(redis.call('GET', P .. 'floor') or '0') < tonumber(ARGV[1]) then redis.call('SET', P .. 'floor', ARGV[1]) end
return reply('ok')
