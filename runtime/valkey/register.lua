-- register takes a worker's word for what it is.
-- ARGV: worker, host, life, revision, key, user ('' when idle), epoch, ttl ms, acknowledge ms, guard ms
-- Answer: ok | fenced
local id, host, life, user, epoch = ARGV[1], ARGV[2], ARGV[3], ARGV[6], ARGV[7]
local ttl, guard = tonumber(ARGV[8]), tonumber(ARGV[10])
heard(host, ttl, guard)
local w = get(id)
if w and tonumber(life) < tonumber(w.life) then return reply('fenced') end

-- put writes the record of a new life over the old one's.
local function put(state, of, at, sent)
  local fresh = w or { id = id }
  if w then withdraw(w) end
  arrived(id)
  redis.call('ZREM', P .. 'exited', id .. ' ' .. life) -- it has returned: its lease ran out, and no more
  redis.call('HSET', P .. 'worker:' .. id, 'life', life, 'key', ARGV[5], 'user', of, 'epoch', at, 'sent', sent)
  revise(fresh, ARGV[4])
  settle(fresh, host)
  move(fresh, state)
  redis.call('ZADD', P .. 'lease', text(now + ttl), id) -- it is parked no longer
end

if user == '' then
  if w and life == w.life then
    -- The word may be older than the assignment, and a serving worker is not idle before its next life.
    if w.state == 'assigned' or w.state == 'draining' then
      prolong(id, ttl)
      return reply('ok')
    end
    if w.state == 'serving' or w.state == 'returned' then return reply('fenced') end
  end
  local at = '0'
  if w then
    unbind(w)
    at = w.epoch
  end
  put('warm', '', at, '0')
  offer(get(id))
  match(tonumber(ARGV[9]))
  return reply('ok')
end

if w and life == w.life then
  if w.user ~= user or w.epoch ~= epoch then return reply('fenced') end
  settle(w, host)
  affirm(w, guard)
  prolong(id, ttl)
  return reply('ok')
end
if w or session(user) then return reply('fenced') end
put('returned', user, epoch, '1')
redis.call('ZADD', P .. 'ack', text(now + tonumber(ARGV[9])), id)
redis.call('HSET', P .. 'user:' .. user, 'worker', id, 'epoch', epoch)
leave(user)
if tonumber(redis.call('GET', P .. 'epoch') or '0') < tonumber(epoch) then redis.call('SET', P .. 'epoch', epoch) end
return reply('ok')
