-- heard lists the registered hosts; it changes nothing.
-- Answer: of each: host, last batch, who takes it out of service or ''
local list = {}
local hosts = redis.call('ZRANGE', P .. 'hosts', 0, -1, 'WITHSCORES')
for i = 1, #hosts, 2 do
  list[#list + 1] = { hosts[i], hosts[i + 1], redis.call('HGET', P .. 'drains', hosts[i]) or '' }
end
return reply(list)
