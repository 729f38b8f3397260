import { expect, it } from 'vitest';

import { HostLimiter } from './host-limiter.ts';
import { Semaphore } from './semaphore.ts';

it('admits in order, skips who gave up, and takes a place back once', async () => {
  const semaphore = new Semaphore(1);
  const first = await semaphore.acquire(undefined, 's');
  const controller = new AbortController();
  const order: string[] = [];
  const second = semaphore.acquire(controller.signal, 's').catch((error: unknown) => order.push((error as { code: string }).code));
  const third = semaphore.acquire(undefined, 's').then((release) => {
    order.push('third');
    return release;
  });

  controller.abort();
  await second;
  first();
  first();
  (await third)();

  expect(order).toEqual(['aborted', 'third']);
  expect(semaphore.idle).toBe(true);
});

it('keeps places for reads beside uploads, per host', async () => {
  const limiter = new HostLimiter(2);
  let uploads = 0;
  let reads = 0;
  const gate = Promise.withResolvers<void>();
  const upload = { lane: 'upload', signal: undefined, subject: 's' } as const;
  const waiting = [1, 2, 3].map(() =>
    limiter.run('a', upload, async () => {
      uploads += 1;
      await gate.promise;
    }),
  );

  await limiter.run('a', { ...upload, lane: 'request' }, async () => {
    reads += 1;
  });

  expect([uploads, reads]).toEqual([1, 1]);
  gate.resolve();
  await Promise.all(waiting);
  expect(uploads).toBe(3);
});
