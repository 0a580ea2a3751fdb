-- drain marks a host that goes out of service and takes its idle workers from the free ones, or takes the mark back and puts
-- them there again.
-- ARGV: host, by whom ('' takes back anybody's mark), 1 to mark or 0, acknowledge ms
-- Answer: 1, or 0 if the host is not registered, or has no such mark
local host, by, marking = ARGV[1], ARGV[2], ARGV[3] == '1'
local marked = redis.call('HGET', P .. 'drains', host)
if marking then
  if not redis.call('ZSCORE', P .. 'hosts', host) then return reply(0) end
  if by == 'operator' or not marked then redis.call('HSET', P .. 'drains', host, by) end
else
  if not marked or by ~= '' and by ~= marked then return reply(0) end
  redis.call('HDEL', P .. 'drains', host)
end
local stock = redis.call('HGETALL', P .. 'stock')
for i = 1, #stock, 2 do
  local of, revision, state = string.match(stock[i], '^(%S+) (%S+) (%S+)$')
  if of == host and state == 'warm' then
    local idlers = redis.call('ZRANGE', idle({ host = host, revision = revision }), 0, -1, 'WITHSCORES')
    for n = 1, #idlers, 2 do
      if marking then
        redis.call('ZREM', P .. 'free', idlers[n])
      else
        redis.call('ZADD', P .. 'free', idlers[n + 1], idlers[n])
      end
    end
  end
end
if not marking then match(tonumber(ARGV[4])) end
return reply(1)
