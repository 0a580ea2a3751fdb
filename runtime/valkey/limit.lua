-- limit takes one turn of an allowance, or says how long there is none: the generic cell rate algorithm. It stands alone,
-- on keys of any slot, and its keys may expire.
-- KEYS: the subject's. ARGV: ms between turns in the long run, ms that turns may come early (burst − 1 times the former)
-- Answer: 0, or ms to wait
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local interval, early = tonumber(ARGV[1]), tonumber(ARGV[2])
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
if due - now > early then return string.format('%.0f', math.ceil(due - now - early)) end
redis.call('SET', KEYS[1], string.format('%.3f', due + interval), 'PX', string.format('%.0f', math.ceil(due + interval - now)))
return '0'
