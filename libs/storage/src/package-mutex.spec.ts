import { setImmediate } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { PackageMutex } from './package-mutex.ts';

describe('PackageMutex', () => {
  it('runs one at a time for a package, in order, whatever fails', async () => {
    const mutex = new PackageMutex();
    const log: string[] = [];
    const step = (name: string, fails = false) => async (): Promise<void> => {
      log.push(`${name} begins`);
      await setImmediate();
      log.push(`${name} ends`);
      if (fails) {
        throw new Error(name);
      }
    };

    const ends = await Promise.allSettled([mutex.run('p', step('a', true)), mutex.run('p', step('b')), mutex.run('p', step('c'))]);

    expect(ends.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
    expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  it('lets other packages pass', async () => {
    const mutex = new PackageMutex();
    const held = Promise.withResolvers<void>();
    const first = mutex.run('p', () => held.promise);

    const other = await mutex.run('q', async () => Promise.resolve('through'));

    expect(other).toBe('through');
    held.resolve();
    await first;
  });

  it('keeps its order when a waiting caller goes away', async () => {
    const mutex = new PackageMutex();
    const held = Promise.withResolvers<void>();
    const abort = new AbortController();
    const log: string[] = [];
    const first = mutex.run('p', async () => {
      await held.promise;
      log.push('first ends');
    });
    const second = mutex.run('p', async () => Promise.resolve(log.push('second')), abort.signal);

    abort.abort();

    await expect(second).rejects.toMatchObject({ code: 'aborted' });
    const third = mutex.run('p', async () => Promise.resolve(log.push('third')));
    held.resolve();
    await Promise.all([first, third]);
    expect(log).toEqual(['first ends', 'third']);
  });
});
