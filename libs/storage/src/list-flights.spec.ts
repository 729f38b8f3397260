import { setImmediate } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { ListFlights } from './list-flights.ts';
import { REF } from './sample-fact.contract.ts';

interface Held {
  readonly flights: ListFlights<number>;
  /** The lists that have begun. */
  readonly begun: PromiseWithResolvers<number>[];
  readonly most: () => number;
}

function heldFlights(): Held {
  const begun: PromiseWithResolvers<number>[] = [];
  let running = 0;
  let most = 0;
  const flights = new ListFlights<number>(async () => {
    const held = Promise.withResolvers<number>();
    begun.push(held);
    running += 1;
    most = Math.max(most, running);
    return held.promise.finally(() => {
      running -= 1;
    });
  });
  return { flights, begun, most: () => most };
}

describe('ListFlights', () => {
  it('runs one list at a time and one after it, however many want a fresh one', async () => {
    const { flights, begun, most } = heldFlights();
    const early = flights.join(REF, { fresh: false });
    await setImmediate();
    const late = Array.from({ length: 20 }, () => flights.join(REF, { fresh: true }));

    begun[0]!.resolve(1);
    await early;
    // As soon as the first has ended, and before the one behind it begins.
    late.push(flights.join(REF, { fresh: true }), flights.join(REF, { fresh: false }));
    await setImmediate();
    begun[1]!.resolve(2);

    expect(await early).toBe(1);
    expect(new Set(await Promise.all(late))).toEqual(new Set([2]));
    expect([begun.length, most()]).toEqual([2, 1]);
  });

  it('begins the one that waits when the one before it fails', async () => {
    const { flights, begun } = heldFlights();
    const early = flights.join(REF, { fresh: false });
    await setImmediate();
    const late = flights.join(REF, { fresh: true });

    begun[0]!.reject(new Error('away'));

    await expect(early).rejects.toThrow('away');
    await setImmediate();
    begun[1]!.resolve(2);
    expect(await late).toBe(2);
  });

  it('serves those who asked before a change, and nobody after it', async () => {
    const { flights, begun } = heldFlights();
    const early = flights.join(REF, { fresh: false });
    await setImmediate();
    const joined = flights.join(REF, { fresh: false });

    flights.outdate(REF.repository);
    const late = flights.join(REF, { fresh: false });
    begun[0]!.resolve(1);
    await setImmediate();
    begun[1]!.resolve(2);

    expect(await Promise.all([early, joined, late])).toEqual([1, 1, 2]);
  });

  it('leaves nothing behind', async () => {
    const { flights, begun } = heldFlights();
    for (const expected of [1, 2, 3]) {
      const joined = flights.join(REF, { fresh: false });
      await setImmediate();
      begun.at(-1)!.resolve(expected);

      expect(await joined).toBe(expected);
    }
  });
});
