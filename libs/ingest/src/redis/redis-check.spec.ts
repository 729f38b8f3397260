import { type RunningRedis, startRedis } from '@oci-package-proxy/testing';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { SILENT } from '../transport/transport.contract.ts';
import { checkRedis } from './redis-check.ts';
import { connected, connectRedis } from './redis-connection.ts';

describe('checkRedis', () => {
  let server: RunningRedis;

  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  it.each([
    ['noeviction', 0],
    ['allkeys-lru', 1],
  ])('with the eviction policy %s warns %i times, however often it is asked', async (policy, times) => {
    const admin = new Redis(server.url);
    await admin.config('SET', 'maxmemory-policy', policy);
    admin.disconnect();
    const redis = connectRedis(server.url, 'commands', SILENT);
    await connected(redis, 2_000);
    const warn = vi.fn<(fields: object, message: string) => void>();

    await checkRedis(redis, { ...SILENT, warn });
    await checkRedis(redis, { ...SILENT, warn });
    redis.disconnect();

    expect(warn).toHaveBeenCalledTimes(times);
  });

  it.each(['commands', 'worker'] as const)('fails within 1.1 s on a Redis that hangs, over a connection for %s', async (role) => {
    const redis = connectRedis(server.url, role, SILENT);
    await connected(redis, 2_000);
    server.signal('SIGSTOP');
    const begin = Date.now();

    const failure = await checkRedis(redis, SILENT).then(() => null, (error: unknown) => error);
    server.signal('SIGCONT');
    redis.disconnect();

    expect(failure).toMatchObject({ code: 'queue-unavailable' });
    expect(Date.now() - begin).toBeLessThan(1_900);
  });

  it('fails at once without a connection, and says little about why', async () => {
    const warn = vi.fn<(fields: object, message: string) => void>();
    const redis = connectRedis('redis://:topsecret@127.0.0.1:1', 'worker', { ...SILENT, warn });
    await new Promise((resolve) => setTimeout(resolve, 400));

    const failure = await checkRedis(redis, SILENT).then(() => null, (error: unknown) => error);
    redis.disconnect();

    expect(failure).toMatchObject({ code: 'queue-unavailable' });
    expect(warn, 'many failed connections, one line').toHaveBeenCalledTimes(1);
    expect(JSON.stringify(warn.mock.calls)).not.toContain('topsecret');
  });
});
