-- reap drops workers whose lease ran out by more than the guard, at most 64. Silence of hosts is judged in the same
-- step: up to a tenth of them, rounded up, at least one and never all, are reaped unasked; more are held. After a gap
-- nobody is given up for a lease.
-- ARGV: ttl ms, guard ms, hold ms, acknowledge ms, renew ms
-- Answer: held(0|1), more(0|1), silent hosts, deaths
local ttl, guard = tonumber(ARGV[1]), tonumber(ARGV[2])
attend(ttl, guard)
local latest = redis.call('ZREVRANGEBYSCORE', P .. 'hosts', text(now), '-inf', 'WITHSCORES', 'LIMIT', 0, 1)[2] -- parked ones are ahead
if latest and 2 * (now - tonumber(latest)) > ttl - guard then close(ttl, guard) end
if redis.call('EXISTS', KEYS[1]) == 0 and redis.call('EXISTS', P .. 'closed') == 0 then redis.call('SET', P .. 'closed', text(now)) end
local silent = redis.call('ZRANGEBYSCORE', P .. 'hosts', '-inf', '(' .. text(now - ttl - guard))
local registered = redis.call('ZCARD', P .. 'hosts')
local held, more = false, 0
if #silent > math.min(math.max(1, math.floor((registered + 9) / 10)), registered - 1) then
  local hold = redis.call('GET', P .. 'hold')
  if not hold then
    hold = text(now + tonumber(ARGV[3]))
    redis.call('SET', P .. 'hold', hold)
  end
  held = now < tonumber(hold)
else
  redis.call('DEL', P .. 'hold')
end
local quiet = {}
for _, host in ipairs(silent) do quiet[host] = true end
local deaths, lapsed = {}, {}
local gaps = redis.call('HMGET', P .. 'gaps', 'end', 'first')
local spare = gaps[1] and now <= math.min(tonumber(gaps[1]), tonumber(gaps[2]) + tonumber(ARGV[3])) + ttl + guard
if not spare then lapsed = redis.call('ZRANGEBYSCORE', P .. 'lease', '-inf', '(' .. text(now - guard), 'LIMIT', 0, 1024) end
for _, id in ipairs(lapsed) do
  local w = get(id)
  if not w then
    redis.call('ZREM', P .. 'lease', id)
  elseif not (held and quiet[w.host]) then
    if #deaths == 64 then
      more = 1
      break
    end
    deaths[#deaths + 1] = drop(w, tonumber(ARGV[5]))
  end
end
if #deaths > 0 then trim() end
match(tonumber(ARGV[4]))
if not (held or spare) then
  for _, host in ipairs(silent) do
    if tonumber(redis.call('HGET', P .. 'host:' .. host, 'workers') or '0') <= 0 then
      redis.call('ZREM', P .. 'hosts', host)
      redis.call('DEL', P .. 'host:' .. host)
      if redis.call('HGET', P .. 'drains', host) ~= 'operator' then -- whose mark stays: the host may come back under its name
        redis.call('HDEL', P .. 'drains', host)
      end
    end
  end
end
if not held then silent = {} end
return reply(held and 1 or 0, more, silent, deaths)
