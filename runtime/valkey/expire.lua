-- expire ends an assignment that missed its acknowledgement.
-- ARGV: worker, epoch
-- Answer: 1 if it did, else 0
local w = get(ARGV[1])
local due = tonumber(redis.call('ZSCORE', P .. 'ack', ARGV[1]) or '0')
if not w or w.state ~= 'assigned' or w.epoch ~= ARGV[2] or due >= now then return reply(0) end
unbind(w)
return reply(1)
