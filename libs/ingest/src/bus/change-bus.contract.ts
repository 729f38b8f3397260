import { eventually } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { ChangeBus, ChangeListener, PackageChange } from '../ingest-port.ts';

/** Two ends of one bus; in one process they may be the same. */
export interface BusHarness {
  readonly here: ChangeBus;
  readonly there: ChangeBus;
  stop(): Promise<void>;
}

/** A listener that writes down what it hears. */
export function recorder(): ChangeListener & { readonly changes: PackageChange[]; readonly connections: boolean[] } {
  const changes: PackageChange[] = [];
  const connections: boolean[] = [];
  return { changes, connections, changed: (change) => void changes.push(change), connection: (connected) => void connections.push(connected) };
}

/** A change of package `name`. */
export function changeOf(name: string): PackageChange {
  return { ecosystem: 'first', package: name, repository: `first/${name}` };
}

/** What every change bus must do. */
export function describeChangeBus(name: string, start: () => Promise<BusHarness>): void {
  describe(`change bus: ${name}`, () => {
    let harness: BusHarness;

    beforeEach(async () => {
      harness = await start();
    });
    afterEach(() => harness.stop());

    it('tells every listener of a change, in order', async () => {
      const listeners = [recorder(), recorder()];
      for (const listener of listeners) {
        harness.there.subscribe(listener);
      }

      await harness.here.announce(changeOf('a'));
      await harness.here.announce(changeOf('b'));
      await eventually('both heard of both', async () => listeners.every(({ changes }) => changes.length === 2), 3_000);

      for (const { changes } of listeners) {
        expect(changes).toEqual([changeOf('a'), changeOf('b')]);
      }
    });

    it('leaves alone who stopped listening', async () => {
      const gone = recorder();
      const stays = recorder();
      harness.there.subscribe(gone)();
      harness.there.subscribe(stays);

      await harness.here.announce(changeOf('a'));
      await eventually('the other heard of it', async () => stays.changes.length === 1, 3_000);

      expect(gone.changes).toEqual([]);
    });

    it('goes on when a listener fails', async () => {
      const after = recorder();
      harness.there.subscribe({
        changed: () => {
          throw new Error('a defect');
        },
        connection: () => undefined,
      });
      harness.there.subscribe(after);

      await harness.here.announce(changeOf('a'));
      await eventually('the next one heard of it', async () => after.changes.length === 1, 3_000);

      expect(after.changes).toEqual([changeOf('a')]);
    });

    it('is quiet when it is closed, and takes announcements without an error', async () => {
      const listener = recorder();
      harness.there.subscribe(listener);
      await harness.there.close();

      await harness.there.announce(changeOf('a'));
      await new Promise((resolve) => setTimeout(resolve, 50));

      expect(listener.changes).toEqual([]);
    });
  });
}
