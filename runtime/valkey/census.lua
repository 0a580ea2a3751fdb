-- census counts what the pool holds.
-- Answer: free, waiting, hosts, last epoch, floor, incarnation, closed since (0: not), then the stock: host, image and state in one text, and the count of each
return reply(
  redis.call('ZCARD', P .. 'free'), redis.call('ZCARD', P .. 'waiting'), redis.call('ZCARD', P .. 'hosts'),
  redis.call('GET', P .. 'epoch') or '0', redis.call('GET', P .. 'floor') or '0', redis.call('GET', KEYS[1]) or '',
  redis.call('GET', P .. 'closed') or '0',
  redis.call('HGETALL', P .. 'stock'))
