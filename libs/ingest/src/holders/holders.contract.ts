import { eventually } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Holders } from '../ingest-port.ts';

/** Three processes of one cluster; the third one is a worker. */
export interface HoldersHarness {
  readonly a: Holders;
  readonly b: Holders;
  readonly worker: Holders;
  readonly urlOfA: string;
  stop(): Promise<void>;
}

const KEY = 'first/@scope/name/file 1.bin/sha512:00';

/** What all holders must do. */
export function describeHolders(name: string, start: () => Promise<HoldersHarness>): void {
  describe(`holders: ${name}`, () => {
    let harness: HoldersHarness;

    beforeEach(async () => {
      harness = await start();
    });
    afterEach(() => harness.stop());

    it('gives a file to who claims it first, and names that one to the others', async () => {
      const { a, b } = harness;

      const answers = [await a.claim(KEY), await b.claim(KEY), await a.claim(KEY), await b.holderOf(KEY), await b.holderOf('another')];

      expect(answers).toEqual([null, a.id, null, a.id, null]);
    });

    it('has one winner when all claim at once', async () => {
      const { a, b, worker } = harness;

      const answers = await Promise.all([a, b, worker].map((one) => one.claim(KEY)));

      expect(answers.filter((answer) => answer === null)).toHaveLength(1);
      expect(new Set(answers).size).toBe(2);
    });

    it('gives a released file to the next one', async () => {
      const { a, b } = harness;
      await a.claim(KEY);

      await a.release(KEY);

      expect(await b.holderOf(KEY)).toBeNull();
      expect(await b.claim(KEY)).toBeNull();
    });

    it('does not let one release what another one has', async () => {
      const { a, b } = harness;
      await a.claim(KEY);
      await b.claim(KEY);

      await b.release(KEY);
      await b.close();

      expect(await harness.worker.holderOf(KEY)).toBe(a.id);
    });

    it('forgets for good who has a file that a worker stored', async () => {
      const { a, b, worker } = harness;
      await a.claim(KEY);
      await a.keep(KEY);

      const kept = await worker.holderOf(KEY);
      await worker.stored(KEY);
      await a.keep(KEY);
      await new Promise((resolve) => setTimeout(resolve, 700));

      expect(kept).toBe(a.id);
      expect(await b.holderOf(KEY)).toBeNull();
    });

    it('knows the address of a process that lives, and of no other', async () => {
      const { a, b } = harness;

      await eventually('it is known', async () => (await b.urlOf(a.id)) !== null, 3_000);
      const url = await b.urlOf(a.id);
      const unknown = await b.urlOf('nobody');
      await a.close();

      expect(url).toBe(harness.urlOfA);
      expect(unknown).toBeNull();
      expect(await b.urlOf(a.id)).toBeNull();
    });

    it('gives up its files when it is closed', async () => {
      const { a, b } = harness;
      await a.claim(KEY);
      await a.claim('another');
      await a.keep('another');

      await a.close();

      expect([await b.claim(KEY), await b.claim('another')]).toEqual([null, null]);
    });
  });
}
