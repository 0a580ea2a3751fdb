-- heal makes the keys of some workers agree with their records; it frees nobody.
-- ARGV: cursor, limit, acknowledge ms
-- Answer: next cursor (0 at the end), then kind of each repair
local from, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local repairs = {}
local function note(kind) repairs[#repairs + 1] = kind end

local function heal(id)
  local w = get(id)
  if not w then
    redis.call('ZREM', P .. 'lease', id)
    note('lease')
    if redis.call('ZREM', P .. 'free', id) == 1 then note('free') end
    if redis.call('ZREM', P .. 'ack', id) == 1 then note('ack') end
    return
  end
  if w.state ~= 'warm' and withdraw(w) then note('free') end
  if w.user ~= '' then
    local worker, epoch = session(w.user)
    if worker and worker ~= id and tonumber(epoch) > tonumber(w.epoch) then
      unbind(w)
      note('user')
    elseif worker ~= id or epoch ~= w.epoch then
      redis.call('HSET', P .. 'user:' .. w.user, 'worker', id, 'epoch', w.epoch)
      note('user')
    end
  end
  local open = w.state == 'assigned' or w.state == 'returned'
  local due = redis.call('ZSCORE', P .. 'ack', id)
  if due and not open then
    redis.call('ZREM', P .. 'ack', id)
    note('ack')
  elseif not due and open then
    redis.call('ZADD', P .. 'ack', text(now + tonumber(ARGV[3])), id)
    note('ack')
  end
end

-- The whole page is read before anything is removed: the cursor counts places.
local total = redis.call('ZCARD', P .. 'lease')
for _, id in ipairs(redis.call('ZRANGE', P .. 'lease', from, from + limit - 1)) do heal(id) end
local following = from + limit
if following >= total then following = 0 end
return reply(following, repairs)
