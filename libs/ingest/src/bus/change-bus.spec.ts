import { eventually, freePort, type RunningRedis, startRedis } from '@oci-package-proxy/testing';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { SILENT } from '../transport/transport.contract.ts';
import { changeOf, describeChangeBus, recorder } from './change-bus.contract.ts';
import { InProcessChangeBus } from './in-process-change-bus.ts';
import { RedisChangeBus } from './redis-change-bus.ts';

describeChangeBus('in process', async () => {
  const bus = new InProcessChangeBus(SILENT);
  return { here: bus, there: bus, stop: () => bus.close() };
});

describe('over a Redis that runs', () => {
  let redis: RunningRedis;

  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  describeChangeBus('Redis', async () => {
    const buses = [new RedisChangeBus({ url: redis.url, logger: SILENT }), new RedisChangeBus({ url: redis.url, logger: SILENT })] as const;
    await eventually('both are connected', async () => buses.every(({ connected }) => connected), 3_000);
    return { here: buses[0], there: buses[1], stop: async () => void (await Promise.all(buses.map((bus) => bus.close()))) };
  });

  it('ignores what is no change', async () => {
    const bus = new RedisChangeBus({ url: redis.url, logger: SILENT });
    const foreign = new Redis(redis.url);
    const listener = recorder();
    await eventually('it is connected', async () => bus.connected, 3_000);
    bus.subscribe(listener);

    for (const message of ['', 'x', 'null', '[]', '{}', '{"ecosystem":"first"}', JSON.stringify({ ...changeOf('a'), package: 7 }), '{"__proto__":{"package":"a"}}']) {
      await foreign.publish('oci-package-proxy:package.changed', message);
    }
    await foreign.publish('oci-package-proxy:package.changed', JSON.stringify({ ...changeOf('good'), more: 1 }));
    await eventually('the good one is heard', async () => listener.changes.length > 0, 3_000);
    foreign.disconnect();
    await bus.close();

    expect(listener.changes).toEqual([changeOf('good')]);
  });

  it('keeps to its own prefix', async () => {
    const ours = new RedisChangeBus({ url: redis.url, logger: SILENT, prefix: 'ours' });
    const theirs = new RedisChangeBus({ url: redis.url, logger: SILENT, prefix: 'theirs' });
    const listener = recorder();
    await eventually('both are connected', async () => ours.connected && theirs.connected, 3_000);
    ours.subscribe(listener);

    await theirs.announce(changeOf('theirs'));
    await ours.announce(changeOf('ours'));
    await eventually('ours is heard', async () => listener.changes.length > 0, 3_000);
    await Promise.all([ours.close(), theirs.close()]);

    expect(listener.changes).toEqual([changeOf('ours')]);
  });
});

describe('change bus over Redis, when Redis goes', () => {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) {
      await cleanup();
    }
  });

  function busOn(url: string): RedisChangeBus {
    const bus = new RedisChangeBus({ url, logger: SILENT, heartbeatMs: 400 });
    cleanups.push(() => bus.close());
    return bus;
  }

  it('says that it is lost and that it is back, and hears again', async () => {
    const port = await freePort();
    const first = await startRedis({ port });
    cleanups.push(() => first.stop());
    const bus = busOn(first.url);
    const listener = recorder();
    await eventually('it is connected', async () => bus.connected, 3_000);
    bus.subscribe(listener);

    await first.stop();
    await eventually('the loss is told', async () => listener.connections.length === 1, 3_000);
    const begin = Date.now();
    await bus.announce(changeOf('lost'));
    const tookMs = Date.now() - begin;
    const second = await startRedis({ port });
    cleanups.push(() => second.stop());
    await eventually('the return is told', async () => listener.connections.length === 2, 6_000);
    await eventually('it hears', async () => {
      // Speaking and hearing come back each by itself.
      await bus.announce(changeOf('heard'));
      return listener.changes.length > 0;
    }, 5_000);

    expect(tookMs).toBeLessThan(500);
    expect(listener.connections).toEqual([false, true]);
    expect(listener.changes).toContainEqual(changeOf('heard'));
    expect(listener.changes).not.toContainEqual(changeOf('lost'));
  });

  it('notices a Redis that hangs, and announces within a second all the same', async () => {
    const redis = await startRedis();
    cleanups.push(() => redis.stop());
    const bus = busOn(redis.url);
    const listener = recorder();
    await eventually('it is connected', async () => bus.connected, 3_000);
    bus.subscribe(listener);

    redis.signal('SIGSTOP');
    const begin = Date.now();
    await bus.announce(changeOf('lost'));
    const tookMs = Date.now() - begin;
    await eventually('the loss is told', async () => listener.connections.length === 1, 3_000);
    redis.signal('SIGCONT');
    await eventually('the return is told', async () => listener.connections.length === 2, 8_000);

    expect(tookMs).toBeLessThan(1_000);
    expect(listener.connections).toEqual([false, true]);
  });

  it('tells a new listener that nothing is heard yet', async () => {
    const port = await freePort();
    const bus = busOn(`redis://127.0.0.1:${port}`);
    const listener = recorder();

    bus.subscribe(listener);
    const before = [...listener.connections];
    const redis = await startRedis({ port });
    cleanups.push(() => redis.stop());
    await eventually('it is connected', async () => listener.connections.length === 2, 5_000);

    expect(before).toEqual([false]);
    expect(listener.connections).toEqual([false, true]);
  });
});
