import { ProxyError } from '@oci-package-proxy/errors';
import type { Redis } from 'ioredis';

import { withDeadline } from '../deadline.ts';
import type { IngestLogger } from '../logger.ts';

const WITHIN_MS = 1_000;
const checked = new WeakSet<Redis>();

/**
 * Whether Redis answers; for health checks. The first time on a connection it also looks at the eviction policy: any but
 * `noeviction` may drop jobs and locks, which is warned of.
 * @throws ProxyError `queue-unavailable` when it does not answer within 1 s.
 */
export async function checkRedis(redis: Redis, logger: IngestLogger): Promise<void> {
  await answer(redis, () => redis.ping());
  if (checked.has(redis)) {
    return;
  }
  // CONFIG GET is forbidden on managed Redis; INFO says the same.
  const info = await answer(redis, () => redis.info('memory'));
  checked.add(redis);
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1] ?? 'unknown';
  if (policy !== 'noeviction') {
    logger.warn({ policy }, 'redis: maxmemory-policy must be noeviction, else jobs and locks can be lost');
  }
}

async function answer<T>(redis: Redis, command: () => Promise<T>): Promise<T> {
  // A connection with an offline queue would keep the command until Redis is back.
  if (redis.status !== 'ready') {
    throw new ProxyError('queue-unavailable', 'Redis: not connected');
  }
  try {
    return await withDeadline(command(), WITHIN_MS, () => {
      throw new ProxyError('queue-unavailable', `Redis: no answer within ${WITHIN_MS} ms`);
    });
  } catch (error) {
    throw error instanceof ProxyError ? error : new ProxyError('queue-unavailable', 'Redis: it does not answer', { cause: error });
  }
}
