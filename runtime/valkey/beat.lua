-- beat prolongs the leases of a host's workers.
-- ARGV: host, ttl ms, guard ms, then worker, life, epoch ('0' when idle) for each worker
-- Answer: one of o (ok), a (announce), p (pending), f (fenced) for each worker, in one text
local host, ttl, guard = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local deadline = text(now + ttl)
heard(host, ttl, guard)
-- Most of the time no lease in the pool has run out by more than the guard, and none has to be looked at.
local least = redis.call('ZRANGE', P .. 'lease', 0, 0, 'WITHSCORES')[2]
local late = least and tonumber(least) + guard < now
local standings, alive = {}, {}

local function standing(id, life, epoch)
  local w = redis.call('HMGET', P .. 'worker:' .. id, 'host', 'life', 'state', 'epoch', 'revision')
  if not w[1] then return 'a', false end
  local has, says = tonumber(w[2]), tonumber(life)
  if w[1] ~= host and says >= has then return 'a', true end
  if says < has then return 'f', false end
  if says > has then return 'a', true end
  local state = w[3]
  if state == 'warm' then
    if epoch ~= '0' then return 'f', false end
    if not redis.call('ZSCORE', idle({ host = w[1], revision = w[5] }), id) then return 'a', true end
    return 'o', true
  elseif state == 'draining' then
    if epoch ~= '0' then return 'f', false end
    return 'o', true
  elseif state ~= 'resetting' then
    if epoch == w[4] then -- an acknowledgement is on its way, or was lost
      local known = state == 'serving' and (not late or tonumber(redis.call('ZSCORE', P .. 'lease', id) or '0') + guard >= now)
      if known or affirm(get(id), guard) then return 'o', true end
      return 'p', true
    end
    if epoch == '0' and state == 'assigned' then return 'o', true end
    return 'f', false
  end
  if epoch == '0' then return 'a', true end
  return 'f', false
end

for i = 4, #ARGV, 3 do
  local answer, lives = standing(ARGV[i], ARGV[i + 1], ARGV[i + 2])
  standings[#standings + 1] = answer
  if lives then
    alive[#alive + 1] = deadline
    alive[#alive + 1] = ARGV[i]
  end
end
if #alive > 0 then redis.call('ZADD', P .. 'lease', 'XX', 'GT', unpack(alive)) end
return reply(table.concat(standings))
