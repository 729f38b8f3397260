import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { untilAborted } from './abort.ts';

describe('untilAborted', () => {
  let unheard: unknown[];
  const hear = (reason: unknown): void => void unheard.push(reason);

  beforeEach(() => {
    unheard = [];
    process.on('unhandledRejection', hear);
  });
  afterEach(() => {
    process.off('unhandledRejection', hear);
  });

  it.each<[string, () => AbortSignal]>([
    ['before', () => AbortSignal.abort()],
    ['later', () => AbortSignal.timeout(5)],
  ])('leaves no failure unheard, which would end the process, when the caller gave up %s', async (_when, signalOf) => {
    const work = Promise.withResolvers<string>();

    await expect(untilAborted(work.promise, signalOf(), 'reading')).rejects.toMatchObject({ code: 'aborted' });
    work.reject(new Error('refused'));
    await new Promise((resolve) => setImmediate(resolve));

    expect(unheard).toEqual([]);
  });

  it('is the work itself otherwise', async () => {
    expect(await untilAborted(Promise.resolve(1), new AbortController().signal, 'reading')).toBe(1);
    await expect(untilAborted(Promise.reject(new Error('refused')), new AbortController().signal, 'reading')).rejects.toThrow('refused');
  });
});
