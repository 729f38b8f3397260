import { Redis } from 'ioredis';

import type { IngestLogger } from '../logger.ts';
import { QuietLog } from './quiet-log.ts';
import { redisOptions, type RedisRole, roleOptions } from './redis-options.ts';

/**
 * A connection to Redis that reconnects for ever and never raises an unhandled error. It begins to connect at once and
 * does not fail when Redis is down. Whoever made it must `disconnect()` it.
 * @throws ProxyError `config` for a URL that is none.
 */
export function connectRedis(url: string, role: RedisRole, logger: IngestLogger): Redis {
  const redis = new Redis({ ...redisOptions(url), ...roleOptions(role) });
  const log = new QuietLog(logger, 'redis: connection failed', { role });
  redis.on('error', (error) => log.warn(error));
  return redis;
}

/** Waits until the running attempt to connect `redis` succeeds or fails, at most `withinMs`. @returns whether it is connected. Never throws. */
export async function connected(redis: Redis, withinMs: number): Promise<boolean> {
  if (redis.status === 'ready') {
    return true;
  }
  return new Promise<boolean>((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      redis.off('ready', finish);
      redis.off('close', finish);
      resolve(redis.status === 'ready');
    };
    const timer = setTimeout(finish, withinMs);
    redis.on('ready', finish);
    redis.on('close', finish);
  });
}
