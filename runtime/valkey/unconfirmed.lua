-- unconfirmed lists assigned and returned workers, the earliest deadline first.
-- ARGV: how many are skipped, limit
-- Answer: for each its binding and overdue(0|1)
local list = {}
local skip, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
if limit > 0 then
  local due = redis.call('ZRANGE', P .. 'ack', skip, skip + limit - 1, 'WITHSCORES')
  for i = 1, #due, 2 do
    local w = get(due[i])
    if w and (w.state == 'assigned' or w.state == 'returned') then
      local overdue = 0
      if tonumber(due[i + 1]) < now then overdue = 1 end
      list[#list + 1] = { binding_of(w), overdue }
    end
  end
end
return reply(list)
