-- beat prolongs the leases of a host's workers.
-- ARGV: host, ttl ms, then worker, life, epoch ('0' when idle) for each worker
-- Answer: one of o (ok), a (announce), p (pending), f (fenced) for each worker, in one text
local host, deadline = ARGV[1], text(now + tonumber(ARGV[2]))
heard(host, now)
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
  elseif state == 'assigned' then
    if epoch == w[4] then -- its acknowledgement is on its way, or was lost
      w = get(id)
      move(w, 'serving')
      redis.call('ZREM', P .. 'ack', id)
      return 'o', true
    end
    if epoch == '0' then return 'o', true end
    return 'f', false
  elseif state == 'serving' then
    if epoch == w[4] then return 'o', true end
    return 'f', false
  elseif state == 'returned' then
    if epoch == w[4] then return 'p', true end
    return 'f', false
  end
  if epoch == '0' then return 'a', true end
  return 'f', false
end

for i = 3, #ARGV, 3 do
  local answer, lives = standing(ARGV[i], ARGV[i + 1], ARGV[i + 2])
  standings[#standings + 1] = answer
  if lives then
    alive[#alive + 1] = deadline
    alive[#alive + 1] = ARGV[i]
  end
end
if #alive > 0 then redis.call('ZADD', P .. 'lease', 'XX', 'GT', unpack(alive)) end
return reply(table.concat(standings))
