-- arrivals lists the minutes in which users came, and forgets those that are too long ago.
-- ARGV: how many minutes to count back
-- Answer: minutes since 1970 and the count of each, in no order
local oldest, kept = math.floor(now / 60000) - tonumber(ARGV[1]), {}
local counts = redis.call('HGETALL', P .. 'arrivals')
for i = 1, #counts, 2 do
  if tonumber(counts[i]) < oldest then
    redis.call('HDEL', P .. 'arrivals', counts[i])
  else
    kept[#kept + 1] = counts[i]
    kept[#kept + 1] = counts[i + 1]
  end
end
return reply(kept)
