-- waiting lists some of the users in the queue; it changes nothing.
-- ARGV: from which rank on, limit
-- Answer: of each: user, arrival less bonus, until when the place is kept
local from = tonumber(ARGV[1])
local list = {}
local page = redis.call('ZRANGE', P .. 'waiting', from, from + tonumber(ARGV[2]) - 1, 'WITHSCORES')
for i = 1, #page, 2 do
  list[#list + 1] = { page[i], page[i + 1], redis.call('ZSCORE', P .. 'renew', page[i]) or '0' }
end
return reply(list)
