import { setImmediate } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { inParallel } from './in-parallel.ts';

describe('inParallel', () => {
  it('does at most so many at once and keeps the order', async () => {
    let running = 0;
    let most = 0;

    const results = await inParallel([...Array(20).keys()], 8, async (item) => {
      running += 1;
      most = Math.max(most, running);
      await setImmediate();
      running -= 1;
      return item * 2;
    });

    expect(results).toEqual([...Array(20).keys()].map((item) => item * 2));
    expect(most).toBe(8);
  });

  it('begins nothing more once one failed', async () => {
    const begun: number[] = [];

    const all = inParallel([...Array(20).keys()], 2, async (item) => {
      begun.push(item);
      await setImmediate();
      throw new Error('no');
    });

    await expect(all).rejects.toThrow('no');
    await setImmediate();
    expect(begun).toEqual([0, 1]);
  });

  it('does nothing with nothing', async () => {
    expect(await inParallel([], 8, async () => Promise.resolve(1))).toEqual([]);
  });
});
