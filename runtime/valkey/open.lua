-- open gives the data set its identity unless it has one.
-- ARGV: incarnation
-- Answer: the identity in force
redis.call('SET', KEYS[1], ARGV[1], 'NX')
redis.call('DEL', P .. 'closed')
return reply(redis.call('GET', KEYS[1]))
