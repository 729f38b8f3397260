import { createHash } from 'node:crypto';

import { eventually, type RunningRedis, startRedis } from '@oci-package-proxy/testing';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { SILENT } from '../transport/transport.contract.ts';
import { describeHolders } from './holders.contract.ts';
import { type HolderTable, InProcessHolders } from './in-process-holders.ts';
import { RedisHolders } from './redis-holders.ts';

const URL_OF_A = 'http://10.0.0.1:9091/';

describeHolders('in process', async () => {
  const table: HolderTable = { leases: new Map(), urls: new Map() };
  const [a, b, worker] = [new InProcessHolders({ table, url: URL_OF_A }), new InProcessHolders({ table }), new InProcessHolders({ table })];
  return { a, b, worker, urlOfA: URL_OF_A, stop: async () => undefined };
});

describe('over Redis', () => {
  let redis: RunningRedis;
  let admin: Redis;
  const open: RedisHolders[] = [];

  beforeAll(async () => {
    redis = await startRedis();
    admin = new Redis(redis.url);
  });
  beforeEach(() => admin.flushall());
  afterEach(async () => {
    await Promise.all(open.splice(0).map((holders) => holders.close()));
  });
  afterAll(async () => {
    admin.disconnect();
    await redis.stop();
  });

  async function holdersWith(internalUrl: string | null, leaseMs = 450): Promise<RedisHolders> {
    const holders = new RedisHolders({ url: redis.url, internalUrl, logger: SILENT, leaseMs });
    open.push(holders);
    await eventually('it is connected', async () => {
      await holders.claim(holders.id);
      const connected = (await holders.holderOf(holders.id)) !== null;
      await holders.release(holders.id);
      return connected;
    }, 3_000);
    return holders;
  }

  describeHolders('Redis', async () => {
    const [a, b, worker] = await Promise.all([holdersWith(URL_OF_A), holdersWith(null), holdersWith(null)]);
    return { a, b, worker, urlOfA: URL_OF_A, stop: async () => undefined };
  });

  it('holds a lease for as long as it lives, and no longer', async () => {
    const [a, b] = [await holdersWith(URL_OF_A), await holdersWith(null)];
    await a.claim('fetching');
    await admin.set(fileKey('dead'), 'killed-process', 'PX', 450);

    const dead = await b.claim('dead');
    await new Promise((resolve) => setTimeout(resolve, 1_200));

    expect(dead).toBe('killed-process');
    expect(await b.claim('dead')).toBeNull();
    expect(await b.claim('fetching')).toBe(a.id);
    expect(await b.urlOf(a.id)).toBe(URL_OF_A);
  });

  it('does not take a lease back that another one has meanwhile', async () => {
    const a = await holdersWith(null);
    await a.claim('file');
    await admin.set(fileKey('file'), 'somebody else', 'PX', 60_000);

    await new Promise((resolve) => setTimeout(resolve, 400));
    await a.release('file');
    await a.close();

    expect(await admin.get(fileKey('file'))).toBe('somebody else');
  });

  it('renews many leases', async () => {
    const a = await holdersWith(null);
    await Promise.all(Array.from({ length: 450 }, (_, index) => a.claim(`file ${index}`)));

    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const left = await admin.keys('oci-package-proxy:holder:*');

    expect(left).toHaveLength(450);
  });

  it.each(['ftp://10.0.0.1/', 'javascript:alert(1)', 'file:///etc/passwd', 'nonsense', '', 'http://user:password@10.0.0.1/'])('does not believe that a process is at %o', async (url) => {
    const b = await holdersWith(null);
    await admin.set('oci-package-proxy:process:liar', url);

    const resolved = await b.urlOf('liar');

    expect(resolved).toBeNull();
  });

  it('gives every file to whoever asks while Redis hangs, without keeping anybody waiting', async () => {
    const [a, b] = [await holdersWith(null, 15_000), await holdersWith(null, 15_000)];
    await a.claim('file');
    redis.signal('SIGSTOP');
    const begin = Date.now();

    const answers = [await b.claim('file'), await b.claim('other'), await b.holderOf('file'), await b.urlOf(a.id)];
    await b.keep('file');
    await b.release('other');
    const tookMs = Date.now() - begin;
    redis.signal('SIGCONT');
    await eventually('it takes part again', async () => (await b.holderOf('file')) === a.id, 8_000);

    expect(answers).toEqual([null, null, null, null]);
    expect(tookMs, 'only the first one waits').toBeLessThan(700);
  });

  it('gives every file to whoever asks when there is no Redis at all', async () => {
    const holders = new RedisHolders({ url: 'redis://127.0.0.1:1', internalUrl: URL_OF_A, logger: SILENT });
    const begin = Date.now();

    const answer = await holders.claim('file');
    await holders.keep('file');
    await holders.release('file');
    await holders.close();

    expect(answer).toBeNull();
    expect(Date.now() - begin).toBeLessThan(500);
  });
});

function fileKey(key: string): string {
  return `oci-package-proxy:holder:${createHash('sha256').update(key).digest('hex')}`;
}
