-- workers lists some of the registered workers; it changes nothing.
-- ARGV: from which place on, limit
-- Answer: next place (0 at the end), then of each: worker, host, life, state, revision, key, user, epoch, sent, lease, leaving
local from, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local list = {}
local page = redis.call('ZRANGE', P .. 'lease', from, from + limit - 1, 'WITHSCORES')
for i = 1, #page, 2 do
  local w = get(page[i])
  if w then
    local leaving = redis.call('HGET', P .. 'worker:' .. w.id, 'leaving') or '0'
    list[#list + 1] = { w.id, w.host, w.life, w.state, w.revision, w.key, w.user, w.epoch, w.sent, page[i + 1], leaving }
  end
end
local following = from + limit
if following >= redis.call('ZCARD', P .. 'lease') then following = 0 end
return reply(following, list)
