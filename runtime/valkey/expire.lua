-- expire ends an assignment that missed its acknowledgement, once its worker has said after the deadline that it is idle: an
-- acknowledgement may be among the writes that a failover lost, and a beat brings it back.
-- ARGV: worker, epoch, ttl ms
-- Answer: 1 if it did, else 0
local w = get(ARGV[1])
local due = tonumber(redis.call('ZSCORE', P .. 'ack', ARGV[1]) or '0')
local heard = tonumber(redis.call('ZSCORE', P .. 'lease', ARGV[1]) or '0') - tonumber(ARGV[3])
if not w or w.state ~= 'assigned' or w.epoch ~= ARGV[2] or due >= now or heard <= due then return reply(0) end
unbind(w)
return reply(1)
