-- note keeps a text beside the plan.
-- ARGV: text
redis.call('HSET', P .. 'plan', 'note', ARGV[1])
return reply('ok')
