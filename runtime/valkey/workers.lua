-- workers lists registered workers by the end of their lease; it changes nothing.
-- ARGV: from which end on, ms; limit
-- Answer: of each: worker, host, life, state, revision, key, user, epoch, sent, lease, leaving
local list = {}
local page = redis.call('ZRANGEBYSCORE', P .. 'lease', ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, tonumber(ARGV[2]))
for i = 1, #page, 2 do
  local w = get(page[i])
  if w then
    local leaving = redis.call('HGET', P .. 'worker:' .. w.id, 'leaving') or '0'
    list[#list + 1] = { w.id, w.host, w.life, w.state, w.revision, w.key, w.user, w.epoch, w.sent, page[i + 1], leaving }
  end
end
return reply(list)
