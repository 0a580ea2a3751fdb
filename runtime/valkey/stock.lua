-- stock counts what there is and what is coming.
-- ARGV: silence ms, after which a host is left out; most draining workers to list
-- Answer: open(0|1), version, plan, note, calls, waiting, registered hosts, hosts that beat, drains (host, by whom), stock (host, image and state in one text, and the count of
--   each), coming (member, deadline, then its workers, image and kind in one text), draining (worker, since)
local plan = redis.call('HMGET', P .. 'plan', 'version', 'text', 'note')
local coming = {}
local due = redis.call('ZRANGEBYSCORE', P .. 'launching', '(' .. text(now), '+inf', 'WITHSCORES')
for i = 1, #due, 2 do
  coming[#coming + 1] = due[i]
  coming[#coming + 1] = due[i + 1]
  coming[#coming + 1] = redis.call('HGET', P .. 'launch', due[i])
end
return reply(
  redis.call('EXISTS', KEYS[1]), plan[1] or '0', plan[2] or '', plan[3] or '', text(math.floor(calls() / 1000)),
  redis.call('ZCARD', P .. 'waiting'), redis.call('ZCARD', P .. 'hosts'),
  redis.call('ZRANGEBYSCORE', P .. 'hosts', text(now - tonumber(ARGV[1])), '+inf'),
  redis.call('HGETALL', P .. 'drains'), redis.call('HGETALL', P .. 'stock'), coming,
  redis.call('ZRANGE', P .. 'draining', 0, tonumber(ARGV[2]) - 1, 'WITHSCORES'))
