import { expect, it } from 'vitest';

import { HandIn } from './hand-in.ts';
import type { IngestJob } from './ingest-port.ts';

const FILE = { package: 'a', file: 'a-1.tgz', digest: 'sha256:00' };

function sample(fails: () => boolean): { readonly hand: HandIn; readonly clock: { ms: number }; readonly jobs: IngestJob[]; readonly outcomes: string[]; readonly warnings: unknown[] } {
  const clock = { ms: 1 };
  const jobs: IngestJob[] = [];
  const outcomes: string[] = [];
  const warnings: unknown[] = [];
  const queue = {
    enqueue: async (job: IngestJob): Promise<void> => {
      await Promise.resolve(jobs.push(job));
      if (fails()) {
        throw new Error('the queue is gone');
      }
    },
  };
  const options = { ecosystem: 'eco', queue, holderId: 'me', logger: { warn: (fields: unknown) => void warnings.push(fields) }, onEnqueued: (outcome: string) => void outcomes.push(outcome), clock: () => clock.ms };
  return { hand: new HandIn(options), clock, jobs, outcomes, warnings };
}

it('hands a file in once a minute, however often it is asked for', async () => {
  const { hand, clock, jobs, outcomes } = sample(() => false);

  await Promise.all([hand.once(FILE), hand.once(FILE), hand.once({ ...FILE, digest: 'sha256:11' })]);
  const first = jobs.length;
  clock.ms += 61_000;
  await hand.once(FILE);

  expect([first, jobs.length]).toEqual([2, 3]);
  expect(jobs[0]).toMatchObject({ version: 1, ecosystem: 'eco', ...FILE, holder: 'me' });
  expect(outcomes).toEqual(['queued', 'queued', 'queued']);
});

it('tries again five seconds after the queue did not take it, and fails for nobody', async () => {
  let isGone = true;
  const { hand, clock, jobs, outcomes, warnings } = sample(() => isGone);

  await hand.once(FILE);
  await hand.once(FILE);
  const refused = jobs.length;
  isGone = false;
  clock.ms += 6_000;
  await hand.once(FILE);

  expect([refused, jobs.length]).toEqual([1, 2]);
  expect(outcomes).toEqual(['failed', 'queued']);
  expect(warnings).toEqual([expect.objectContaining(FILE)]);
  expect(await hand.now(FILE)).toBe(true);
});
