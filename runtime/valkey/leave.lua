-- leave takes a user out of the queue.
-- ARGV: user
leave(ARGV[1])
return reply('ok')
