-- claim binds a user to a worker, returns the binding it has, or queues it.
-- ARGV: user, bonus ms, acknowledge ms, renew ms
-- Answer: bound <binding> fresh(0|1) | waiting <rank> | rebuilding
if redis.call('EXISTS', KEYS[1]) == 0 then return reply('rebuilding') end
local user = ARGV[1]
local binding = bound(user)
if binding then return reply('bound', binding, 0) end
-- Nobody waits: the user need not stand in the queue only to leave it again.
if tonumber(ARGV[4]) >= 0 and redis.call('ZCARD', P .. 'waiting') == 0 then
  local w = best()
  if w then
    redis.call('HINCRBY', P .. 'arrivals', text(math.floor(now / 60000)), 1)
    bind(user, w, tonumber(ARGV[3]))
    return reply('bound', binding_of(w), 1)
  end
end
if not redis.call('ZSCORE', P .. 'waiting', user) then
  redis.call('ZADD', P .. 'waiting', text(now - tonumber(ARGV[2])), user)
  redis.call('HINCRBY', P .. 'arrivals', text(math.floor(now / 60000)), 1)
end
redis.call('ZADD', P .. 'renew', text(now + tonumber(ARGV[4])), user)
match(tonumber(ARGV[3]))
binding = bound(user)
if binding then return reply('bound', binding, 1) end
return reply('waiting', redis.call('ZRANK', P .. 'waiting', user) or 0)
