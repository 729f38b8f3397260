import { ProxyError } from '@oci-package-proxy/errors';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { InProcessQueue, type JobConsumer } from './in-process-queue.ts';

const SHORT_RETRY = { attempts: 3, baseMs: 2, maxMs: 4 };

/** What a job does each time it is tried; after the last one given it works. */
type Behaviour = 'works' | 'fails' | 'hopeless';

const Step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('add' as const), id: fc.integer({ min: 0, max: 5 }) }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'wait' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
);

describe('InProcessQueue', () => {
  it('loses no job, runs no two of one id and never more than it may, whatever fails and whenever it is stopped', async () => {
    const behaviours = fc.array(fc.constantFrom<Behaviour>('works', 'fails', 'hopeless'), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(fc.array(Step, { maxLength: 25 }), behaviours, fc.integer({ min: 1, max: 3 }), async (steps, script, concurrency) => {
        const queue = new InProcessQueue(100);
        const consumer = new Watched(concurrency, script);
        queue.start(consumer);
        let added = 0;
        for (const step of steps) {
          if (step.kind === 'add') {
            added += consumer.open.has(String(step.id)) ? 0 : 1;
            consumer.open.add(String(step.id));
            queue.add({ id: String(step.id), pattern: 'p', data: String(step.id) });
          }
          if (step.kind === 'wait') {
            await new Promise((resolve) => setTimeout(resolve, 1));
          }
          if (step.kind === 'restart') {
            await queue.stop(1_000, 0);
            expect(queue.counts().active).toBe(0);
            queue.start(consumer);
          }
        }
        await consumer.idle();

        expect(queue.counts()).toEqual({ waiting: 0, active: 0, delayed: 0, failed: consumer.failedForGood });
        expect(consumer.ended).toBe(added);
        expect(consumer.most).toBeLessThanOrEqual(concurrency);
        expect(consumer.twice).toBe(false);
      }),
      { numRuns: 60 },
    );
  });

  it('tries what failed while it was stopped after its next start', async () => {
    const queue = new InProcessQueue(10);
    const consumer = new Watched(1, ['fails']);
    consumer.open.add('a');
    queue.start(consumer);
    queue.add({ id: 'a', pattern: 'p', data: 'a' });

    await queue.stop(1_000, 0);
    const stopped = queue.counts();
    queue.start(consumer);
    await consumer.idle();

    expect(stopped).toMatchObject({ waiting: 1, active: 0, delayed: 0 });
    expect(consumer.ended).toBe(1);
  });
});

/** A consumer that does what a script says, and sees whether the queue keeps its word. */
class Watched implements JobConsumer {
  readonly concurrency: number;
  readonly retry = SHORT_RETRY;
  /** Ids that were added and have not ended. */
  readonly open = new Set<string>();
  readonly #script: Behaviour[];
  readonly #running = new Set<string>();
  most = 0;
  twice = false;
  ended = 0;
  failedForGood = 0;

  constructor(concurrency: number, script: readonly Behaviour[]) {
    this.concurrency = concurrency;
    this.#script = [...script];
  }

  async work(_pattern: string, data: unknown): Promise<void> {
    const id = String(data);
    this.twice ||= this.#running.has(id);
    this.#running.add(id);
    this.most = Math.max(this.most, this.#running.size);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 2));
    this.#running.delete(id);
    const behaviour = this.#script.shift() ?? 'works';
    if (behaviour !== 'works') {
      throw new ProxyError(behaviour === 'fails' ? 'storage-unavailable' : 'policy', 'as the script says');
    }
    this.#end(id);
  }

  failed({ final }: { readonly final: boolean }, data: unknown): void {
    if (final) {
      this.failedForGood += 1;
      this.#end(String(data));
    }
  }

  async idle(): Promise<void> {
    const deadline = Date.now() + 5_000;
    while (this.open.size > 0 && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await new Promise((resolve) => setImmediate(resolve));
  }

  #end(id: string): void {
    this.ended += 1;
    this.open.delete(id);
  }
}
