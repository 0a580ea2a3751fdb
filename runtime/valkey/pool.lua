-- What the pool's scripts share; it is put before each of them. KEYS[1] is always {pool}:incarnation: it routes the
-- call to the one slot that all of the pool's keys live in. KEYS[2] is never there: script.go says why. Time is the
-- server's, in Unix milliseconds; callers send durations. Epochs are text: %.0f keeps their 53 bits, which last until
-- the year 2039.
local P = '{pool}:'
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)

local function text(n) return string.format('%.0f', n) end

-- get returns a worker's record, or nil.
local function get(id)
  local f = redis.call('HMGET', P .. 'worker:' .. id, 'host', 'life', 'state', 'revision', 'key', 'user', 'epoch', 'sent')
  if not f[1] then return nil end
  return { id = id, host = f[1], life = f[2], state = f[3], revision = f[4], key = f[5], user = f[6], epoch = f[7], sent = f[8] }
end

-- count adds a worker to, or takes it from, those of its image in its state on its host.
local function count(w, by)
  if not (w.host and w.state) then return end
  local field = w.host .. ' ' .. w.revision .. ' ' .. w.state
  if redis.call('HINCRBY', P .. 'stock', field, by) == 0 then redis.call('HDEL', P .. 'stock', field) end
end

-- move changes a worker's state.
local function move(w, state)
  if w.state == state then return end
  count(w, -1)
  w.state = state
  if state then redis.call('HSET', P .. 'worker:' .. w.id, 'state', state) end
  count(w, 1)
end

-- revise gives a worker the number of its image.
local function revise(w, revision)
  if w.revision == revision then return end
  count(w, -1)
  w.revision = revision
  redis.call('HSET', P .. 'worker:' .. w.id, 'revision', revision)
  count(w, 1)
end

-- settle moves a worker to a host and keeps the count of each host's workers.
local function settle(w, host)
  if w.host == host then return end
  count(w, -1)
  if w.host then redis.call('HINCRBY', P .. 'host:' .. w.host, 'workers', -1) end
  w.host = host
  if host then
    redis.call('HINCRBY', P .. 'host:' .. host, 'workers', 1)
    redis.call('HSET', P .. 'worker:' .. w.id, 'host', host)
  end
  count(w, 1)
end

-- close ends a gap, in which the index was deaf, or moves the end of one that goes on. See claim/index_gaps.go.
local function close(ttl, guard)
  local last = tonumber(redis.call('HGET', P .. 'gaps', 'end') or '0')
  if now > last + ttl + guard then redis.call('HSET', P .. 'gaps', 'first', text(now)) end
  redis.call('HSET', P .. 'gaps', 'end', text(now))
end

-- attend notes that a host or a round is here. If nobody was for longer than the guard, that was a gap.
local function attend(ttl, guard)
  local before = redis.call('HGET', P .. 'gaps', 'attended')
  if before and guard > 0 and now - tonumber(before) > guard then close(ttl, guard) end
  redis.call('HSET', P .. 'gaps', 'attended', text(now))
end

-- spoke is when a worker was heard of last; long ago if never.
local function spoke(worker, ttl) return tonumber(redis.call('ZSCORE', P .. 'lease', worker) or '0') - ttl end

-- unsure says whether what is known of a worker that was heard of last at a time may have been overtaken by words that were
-- lost in a gap. See claim/index_gaps.go.
local function unsure(last, guard)
  local gaps = redis.call('HMGET', P .. 'gaps', 'attended', 'end')
  return last < tonumber(gaps[2] or '0') or gaps[1] and guard > 0 and now - tonumber(gaps[1]) > guard
end

local function heard(host, ttl, guard)
  attend(ttl, guard)
  redis.call('ZADD', P .. 'hosts', text(now), host)
end

local function prolong(id, ttl) redis.call('ZADD', P .. 'lease', 'GT', text(now + ttl), id) end

-- session returns worker and epoch of a user, or nil.
local function session(user)
  local s = redis.call('HMGET', P .. 'user:' .. user, 'worker', 'epoch')
  if not s[1] then return nil end
  return s[1], s[2]
end

-- idle is where the idle workers of a host's image stand, for whoever retires some of them.
local function idle(w) return P .. 'idle:' .. w.host .. ' ' .. w.revision end

-- retire takes a worker out of the pool; it is there until it exits.
local function retire(w)
  redis.call('ZADD', P .. 'draining', text(now), w.id)
  move(w, 'draining')
end

-- offer puts an idle worker among the free ones: the newest image first, then the fullest host. On a host that goes out of
-- service it stands with the idle ones only, and one that is to go itself retires.
local function offer(w)
  if redis.call('HGET', P .. 'worker:' .. w.id, 'leaving') then return retire(w) end
  local beside = math.min(tonumber(redis.call('HGET', P .. 'host:' .. w.host, 'workers') or '0'), 1023)
  local score = text(-(tonumber(w.revision) * 1024 + beside))
  redis.call('ZADD', idle(w), score, w.id)
  if not redis.call('HGET', P .. 'drains', w.host) then redis.call('ZADD', P .. 'free', score, w.id) end
end

-- withdraw takes a worker from the idle ones, and says whether it was there. It must know its host and image still.
local function withdraw(w)
  local shelved = redis.call('ZREM', idle(w), w.id)
  return redis.call('ZREM', P .. 'free', w.id) + shelved > 0
end

local function leave(user)
  redis.call('ZREM', P .. 'waiting', user)
  redis.call('ZREM', P .. 'renew', user)
end

-- unbind takes the user from a worker, which is free again only when it says so itself.
local function unbind(w)
  if w.user ~= '' then
    local worker, epoch = session(w.user)
    if worker == w.id and epoch == w.epoch then redis.call('DEL', P .. 'user:' .. w.user) end
  end
  redis.call('ZREM', P .. 'ack', w.id)
  if w.state == 'draining' then redis.call('ZREM', P .. 'draining', w.id) end
  move(w, 'resetting')
  redis.call('HSET', P .. 'worker:' .. w.id, 'user', '', 'sent', '0')
  w.user, w.sent = '', '0'
end

-- remember keeps a dropped worker's life as proof for whoever takes its user over.
local function remember(id, life) redis.call('ZADD', P .. 'exited', text(now), id .. ' ' .. life) end

-- trim forgets the oldest of what is remembered; once for each script that remembers.
local function trim() redis.call('ZREMRANGEBYRANK', P .. 'exited', 0, -65537) end

-- affirm takes a worker's word that it is in the session that the index knows, and says whether that is so. Of one that
-- comes so late that the session may have been ended, the last writes may be lost: then the database is asked.
local function affirm(w, guard)
  if w.state == 'assigned' and tonumber(redis.call('ZSCORE', P .. 'ack', w.id) or '0') >= now then
    move(w, 'serving')
    redis.call('ZREM', P .. 'ack', w.id)
  elseif w.state == 'assigned' or w.state == 'serving' and tonumber(redis.call('ZSCORE', P .. 'lease', w.id) or '0') + guard < now then
    move(w, 'returned')
    redis.call('ZADD', P .. 'ack', text(now), w.id)
  end
  return w.state ~= 'returned'
end

-- drop forgets a worker, ends its session and puts its user at the head of the queue. It returns the death: worker,
-- host, life, user, epoch. Only idle workers stand on shelves, and only unconfirmed ones are due. Whoever drops trims.
local function drop(w, renew)
  if w.state == 'warm' then
    withdraw(w)
  elseif w.state == 'draining' then
    redis.call('ZREM', P .. 'draining', w.id)
  elseif w.state == 'assigned' or w.state == 'returned' then
    redis.call('ZREM', P .. 'ack', w.id)
  end
  count(w, -1)
  redis.call('HINCRBY', P .. 'host:' .. w.host, 'workers', -1)
  redis.call('DEL', P .. 'worker:' .. w.id)
  redis.call('ZREM', P .. 'lease', w.id)
  remember(w.id, w.life)
  local epoch = '0'
  if w.user ~= '' then
    epoch = w.epoch
    local worker, at = session(w.user)
    if worker == w.id and at == epoch then
      redis.call('DEL', P .. 'user:' .. w.user)
      worker = nil
    end
    if not worker then
      redis.call('ZADD', P .. 'waiting', text(now - 30000), w.user)
      redis.call('ZADD', P .. 'renew', text(now + renew), w.user)
    end
  end
  return { w.id, w.host, w.life, w.user, epoch }
end

-- bind gives a worker to a user under the next epoch.
local function bind(user, w, acknowledge)
  local past = redis.call('MGET', P .. 'epoch', P .. 'floor')
  local last, floor = tonumber(past[1] or '0'), tonumber(past[2] or '0')
  local epoch = text(math.max(last + 1, floor, now * 4096))
  redis.call('SET', P .. 'epoch', epoch)
  count(w, -1)
  w.state, w.user, w.epoch, w.sent = 'assigned', user, epoch, '0'
  count(w, 1)
  redis.call('HSET', P .. 'worker:' .. w.id, 'state', w.state, 'user', user, 'epoch', epoch, 'sent', '0')
  redis.call('HSET', P .. 'user:' .. user, 'worker', w.id, 'epoch', epoch)
  redis.call('ZADD', P .. 'ack', text(now + acknowledge), w.id)
end

-- best takes the best idle worker from its shelf. Those whose lease ran out are stepped over and dropped from theirs, at
-- most 64 a call.
local function best()
  for _ = 1, 64 do
    local id = redis.call('ZPOPMIN', P .. 'free')[1]
    if not id then return nil end
    local w = get(id)
    if w then redis.call('ZREM', idle(w), id) end
    if w and tonumber(redis.call('ZSCORE', P .. 'lease', id) or '0') >= now then return w end
  end
end

-- match binds the head of the queue to the best idle worker until either runs out. Waiters who did not renew and
-- workers whose lease ran out are stepped over and dropped, at most 64 a call.
local function match(acknowledge)
  if redis.call('EXISTS', KEYS[1]) == 0 then return end
  for _ = 1, 64 do
    local user = redis.call('ZRANGE', P .. 'waiting', 0, 0)[1]
    if not user then return end
    if tonumber(redis.call('ZSCORE', P .. 'renew', user) or '0') < now then
      leave(user)
    else
      local id = redis.call('ZPOPMIN', P .. 'free')[1]
      if not id then return end
      local w = get(id)
      if w then redis.call('ZREM', idle(w), id) end
      if w and tonumber(redis.call('ZSCORE', P .. 'lease', id) or '0') >= now then
        leave(user)
        bind(user, w, acknowledge)
      end
    end
  end
end

-- binding_of is a bound worker's: user, worker, host, life, epoch, key, state, sent.
local function binding_of(w) return { w.user, w.id, w.host, w.life, w.epoch, w.key, w.state, w.sent } end

-- bound returns a user's binding, or nil.
local function bound(user)
  local worker, epoch = session(user)
  if not worker then return nil end
  local w = get(worker)
  if not w or w.user ~= user or w.epoch ~= epoch then return nil end
  return binding_of(w)
end

-- calls is how many thousandths of a call the shared bucket holds: 100 calls at most, 40 more a second.
local function calls()
  local b = redis.call('HMGET', P .. 'calls', 'level', 'at')
  if not b[1] then return 100000 end
  return math.min(100000, tonumber(b[1]) + math.max(0, now - tonumber(b[2])) * 40)
end

-- expect notes that workers are coming: a reservation under its key, or one worker of it under its name.
local function expect(member, workers, image, kind, deadline)
  redis.call('ZADD', P .. 'launching', deadline, member)
  redis.call('HSET', P .. 'launch', member, workers .. ' ' .. image .. ' ' .. kind)
end

-- arrived ends the wait for a reservation or a worker.
local function arrived(member)
  if redis.call('HDEL', P .. 'launch', member) == 1 then redis.call('ZREM', P .. 'launching', member) end
end

-- reply begins every answer with the time at which the script ran.
local function reply(...) return { text(now), ... } end
