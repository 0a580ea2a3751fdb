-- expire ends an assignment that missed its acknowledgement, once its worker has said after the deadline, and since the last
-- gap, that it is idle: an acknowledgement may be among the writes that a failover lost, and a beat brings it back.
-- ARGV: worker, epoch, ttl ms, guard ms
-- Answer: 1 if it did, else 0
local w = get(ARGV[1])
local due = tonumber(redis.call('ZSCORE', P .. 'ack', ARGV[1]) or '0')
local ttl, guard = tonumber(ARGV[3]), tonumber(ARGV[4])
local last = spoke(ARGV[1], ttl)
if not w or w.state ~= 'assigned' or w.epoch ~= ARGV[2] or due >= now or last <= due or unsure(last, guard) then return reply(0) end
unbind(w)
return reply(1)
