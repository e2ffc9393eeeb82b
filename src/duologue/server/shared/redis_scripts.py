"""What a Redis or Valkey server does for one question, in one step: scripts in Lua."""

from __future__ import annotations

from typing import Final

__all__ = ["PUT", "TAKE"]

PUT: Final = """
local value_key, expiring_key, held_key = KEYS[1], KEYS[2], KEYS[3]
local sealed, lives_ms, now, expires_at = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local digest, owner, cost = ARGV[5], ARGV[6], tonumber(ARGV[7])
local max_values, max_bytes, max_owner_bytes = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
if redis.call('EXISTS', value_key) == 1 then return '' end
for _, member in ipairs(redis.call('ZRANGEBYSCORE', expiring_key, '-inf', now, 'LIMIT', 0, 1000)) do
  local of, bytes = string.match(member, '^%x+ (%x+) (%d+)$')
  redis.call('ZREM', expiring_key, member)
  redis.call('HINCRBY', held_key, 'all', -tonumber(bytes))
  if redis.call('HINCRBY', held_key, of, -tonumber(bytes)) <= 0 then redis.call('HDEL', held_key, of) end
end
local total = tonumber(redis.call('HGET', held_key, 'all') or 0)
local owned = tonumber(redis.call('HGET', held_key, owner) or 0)
if redis.call('ZCARD', expiring_key) >= max_values or total + cost > max_bytes then return 'full_of_secrets' end
if owned + cost > max_owner_bytes then return 'secrets' end
redis.call('SET', value_key, sealed, 'PX', lives_ms)
redis.call('ZADD', expiring_key, expires_at, digest .. ' ' .. owner .. ' ' .. cost)
redis.call('HINCRBY', held_key, 'all', cost)
redis.call('HINCRBY', held_key, owner, cost)
redis.call('EXPIRE', expiring_key, 86400)
redis.call('EXPIRE', held_key, 86400)
return ''
"""
"""Keep a value within the limits of all machines; the name of a rejection, or nothing.

A thousand expired values are counted off at a time: others wait while a script runs. A value that is there is
one whose first answer was lost. The two tables go a day after the last value, which lives for two hours at most."""

TAKE: Final = """
local per_s, burst, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(kept[1] or burst), tonumber(kept[2] or now)
tokens = math.min(burst, tokens + math.max(0, now - at) * per_s)
local granted = tokens >= 1 and 1 or 0
redis.call('HSET', KEYS[1], 'tokens', string.format('%.17g', tokens - granted),
  'at', string.format('%.17g', math.max(at, now)))
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return granted
"""
"""Take one of a token bucket, as `rate_limit.TokenBucket` does; 1 if there was one."""
