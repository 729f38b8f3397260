import 'reflect-metadata';

import { type INestMicroservice, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { CustomTransportStrategy } from '@nestjs/microservices';
import { isProxyError, ProxyError } from '@oci-package-proxy/errors';
import { eventually } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { EmittingIngestQueue } from '../emitting-ingest-queue.ts';
import { createIngestController, INGEST_USE_CASE, type IngestRunner } from '../ingest-controller.ts';
import type { IngestJob } from '../ingest-port.ts';
import type { IngestServerOptions, JobFailure, QueueCounts } from './transport-options.ts';

/** A transport in a test: one client, and servers that can come and go. */
export interface TransportHarness {
  readonly queue: EmittingIngestQueue;
  server(options: IngestServerOptions): CustomTransportStrategy & { counts(): Promise<ReadonlyMap<string, QueueCounts>> };
  /** Puts a message with `pattern` into the queue of `ecosystem`, past the client. */
  inject(ecosystem: string, pattern: string, job: IngestJob): Promise<void>;
  stop(): Promise<void>;
}

/** A logger that keeps its lines to itself. */
export const SILENT = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** A job about a file of package `name`. */
export function jobOf(name: string, change: Partial<IngestJob> = {}): IngestJob {
  return { version: 1, ecosystem: 'first', package: name, file: `${name}.bin`, digest: 'sha256:00', holder: null, at: Date.now(), ...change };
}

/** A worker app with one controller for each ecosystem. */
export async function startWorker(strategy: CustomTransportStrategy, ecosystems: readonly string[], runner: IngestRunner): Promise<INestMicroservice> {
  @Module({ controllers: ecosystems.map(createIngestController), providers: [{ provide: INGEST_USE_CASE, useValue: runner }] })
  class WorkerModule {}
  const app = await NestFactory.createMicroservice(WorkerModule, { strategy, logger: false, abortOnError: false });
  await app.listen();
  return app;
}

/** What every ingest transport must do. */
export function describeTransport(name: string, start: () => Promise<TransportHarness>): void {
  describe(`ingest transport: ${name}`, () => {
    let harness: TransportHarness;
    let app: INestMicroservice | null;
    let failures: JobFailure[];
    let options: IngestServerOptions;

    beforeEach(async () => {
      harness = await start();
      app = null;
      failures = [];
      options = { ecosystems: null, logger: SILENT, retry: { attempts: 3, baseMs: 100, maxMs: 1_000 }, drainMs: 5_000, onFailed: (failure) => failures.push(failure) };
    });
    afterEach(async () => {
      await app?.close();
      await harness.stop();
    });

    async function serve(run: IngestRunner['run'], change: Partial<IngestServerOptions> = {}, ecosystems = ['first']): Promise<ReturnType<TransportHarness['server']>> {
      const server = harness.server({ ...options, ...change });
      app = await startWorker(server, ecosystems, { run });
      return server;
    }

    it('delivers a job whole, once, to the handler of its ecosystem', async () => {
      const seen: unknown[] = [];
      const job = jobOf('left', { holder: 'somebody' });
      await serve(async (received) => seen.push(received), {}, ['first', 'second']);

      await harness.queue.enqueue(job);
      await harness.queue.enqueue(jobOf('right', { ecosystem: 'second' }));
      await eventually('both are delivered', async () => seen.length === 2, 5_000);

      expect(seen).toContainEqual(job);
      expect(seen.map((one) => (one as IngestJob).ecosystem).sort()).toEqual(['first', 'second']);
    });

    it('keeps jobs that are handed in before anybody takes them', async () => {
      const seen: string[] = [];

      await harness.queue.enqueue(jobOf('early'));
      await serve(async (job) => seen.push((job as IngestJob).package));
      await eventually('it is delivered', async () => seen.length === 1, 5_000);

      expect(seen).toEqual(['early']);
    });

    it('takes only what it is configured for', async () => {
      const seen: string[] = [];
      const server = await serve(async (job) => seen.push((job as IngestJob).ecosystem), { ecosystems: ['second'] }, ['first', 'second']);

      await harness.queue.enqueue(jobOf('mine', { ecosystem: 'second' }));
      await harness.queue.enqueue(jobOf('not-mine'));
      await eventually('the one is delivered', async () => seen.length > 0, 5_000);
      await new Promise((resolve) => setTimeout(resolve, 300));

      expect(seen).toEqual(['second']);
      expect((await server.counts()).get('second')?.waiting).toBe(0);
    });

    it.each([
      ['a configured ecosystem without a handler', ['first', 'third'], ['first'], /ecosystem third/],
      ['two handlers of one ecosystem', ['first'], ['first', 'first'], /ecosystem first has more than one/],
    ])('does not start with %s', async (_case, configured, handled, message) => {
      const server = harness.server({ ...options, ecosystems: configured });

      const starting = startWorker(server, handled, { run: async () => undefined });

      await expect(starting).rejects.toMatchObject({ code: 'config', message: expect.stringMatching(message) });
      await server.close();
    });

    it('does the same file once while it waits or runs, and again afterwards', async () => {
      const seen: number[] = [];
      let finish = (): void => undefined;
      const gate = new Promise<void>((resolve) => {
        finish = resolve;
      });
      await serve(async (job) => {
        seen.push((job as IngestJob).at);
        await gate;
      });

      await harness.queue.enqueue(jobOf('same', { at: 1 }));
      await eventually('it runs', async () => seen.length === 1, 5_000);
      await harness.queue.enqueue(jobOf('same', { at: 2, holder: 'other' }));
      await harness.queue.enqueue(jobOf('same', { at: 3, digest: 'sha256:11' }));
      await eventually('other bytes are another job', async () => seen.length === 2, 5_000);
      finish();
      await eventually('again, when it is done', async () => {
        await harness.queue.enqueue(jobOf('same', { at: 4 }));
        return seen.includes(4);
      }, 5_000);

      expect(seen.filter((at) => at < 4)).toEqual([1, 3]);
    });

    it('tries again, later each time, until it works', async () => {
      const times: number[] = [];
      await serve(async () => {
        times.push(Date.now());
        if (times.length < 3) {
          throw new ProxyError('storage-unavailable', 'registry: down');
        }
      }, { retry: { attempts: 5, baseMs: 300, maxMs: 10_000 } });

      await harness.queue.enqueue(jobOf('flaky'));
      await eventually('it worked', async () => times.length === 3, 10_000);
      await new Promise((resolve) => setTimeout(resolve, 300));

      const [first = 0, second = 0, third = 0] = times;
      expect(second - first).toBeGreaterThanOrEqual(140);
      expect(third - second).toBeGreaterThanOrEqual(290);
      expect(times).toHaveLength(3);
      expect(failures.map(({ attempt, final }) => ({ attempt, final }))).toEqual([{ attempt: 1, final: false }, { attempt: 2, final: false }]);
      expect(failures[0]?.error).toMatchObject({ code: 'storage-unavailable', message: 'registry: down' });
    });

    it('loses no job to an outage that is longer than all tries, asks seldom meanwhile, and logs it once', async () => {
      let out = true;
      let tries = 0;
      const done = new Set<string>();
      const lines: string[] = [];
      const logger = { ...SILENT, warn: (_fields: object, text: string) => void lines.push(text), info: (_fields: object, text: string) => void lines.push(text) };
      await serve(async (job) => {
        tries += 1;
        if (out) {
          throw new ProxyError('storage-read-only', 'registry: read-only');
        }
        done.add((job as IngestJob).package);
      }, { logger, isOutage: (error) => isProxyError(error, 'storage-read-only'), retry: { attempts: 2, baseMs: 10, maxMs: 10 } });

      await Promise.all(Array.from({ length: 20 }, async (_, index) => harness.queue.enqueue(jobOf(`wait-${index}`))));
      await eventually('several pauses', async () => tries > 8, 15_000);
      const before = tries;
      out = false;
      await eventually('all done', async () => done.size === 20, 15_000);

      expect(before).toBeLessThan(20);
      expect(failures).toEqual([]);
      expect(lines).toEqual(['ingest queue: jobs wait, as storage takes nothing; none of them is lost', 'ingest queue: storage takes files again']);
    }, 40_000);

    it('waits as long as the other side asks for', async () => {
      const times: number[] = [];
      await serve(async () => {
        times.push(Date.now());
        if (times.length === 1) {
          throw new ProxyError('rate-limited', 'upstream: too many requests', { retryAfterMs: 1_500 });
        }
      }, { retry: { attempts: 3, baseMs: 10, maxMs: 20 } });

      await harness.queue.enqueue(jobOf('limited'));
      await eventually('it worked', async () => times.length === 2, 8_000);

      const [first = 0, second = 0] = times;
      expect(second - first).toBeGreaterThanOrEqual(1_450);
    });

    it.each(['policy', 'integrity', 'not-found', 'invalid', 'forbidden', 'unsupported'] as const)('gives up at once on %s', async (code) => {
      let tries = 0;
      await serve(async () => {
        tries += 1;
        throw new ProxyError(code, 'never');
      });

      await harness.queue.enqueue(jobOf('hopeless'));
      await eventually('it failed', async () => failures.length === 1, 5_000);
      await new Promise((resolve) => setTimeout(resolve, 150));

      expect(tries).toBe(1);
      expect(failures).toMatchObject([{ attempt: 1, final: true, error: { code } }]);
    });

    it('gives up after the last try, and takes the file again when it is asked for', async () => {
      let tries = 0;
      await serve(async () => {
        tries += 1;
        throw new Error('a defect');
      }, { retry: { attempts: 2, baseMs: 20, maxMs: 20 } });

      await harness.queue.enqueue(jobOf('broken'));
      await eventually('it failed for good', async () => failures.some(({ final }) => final), 5_000);
      await harness.queue.enqueue(jobOf('broken'));
      await eventually('it is tried again', async () => tries > 2, 5_000);

      expect(failures.slice(0, 2).map(({ final }) => final)).toEqual([false, true]);
    });

    it('fails a job that nobody handles for good, and goes on', async () => {
      const seen: string[] = [];
      await serve(async (job) => seen.push((job as IngestJob).package));

      await harness.inject('first', 'ingest.unknown', jobOf('stray'));
      await harness.queue.enqueue(jobOf('next'));
      await eventually('the stray one failed and the next is done', async () => failures.length === 1 && seen.length === 1, 5_000);

      expect(failures).toMatchObject([{ pattern: 'ingest.unknown', final: true, error: { code: 'unsupported' } }]);
      expect(seen).toEqual(['next']);
    });

    it('finishes what runs when it stops, and begins nothing more', async () => {
      const begun: string[] = [];
      const done: string[] = [];
      const server = await serve(async (job) => {
        const { package: name } = job as IngestJob;
        begun.push(name);
        await new Promise((resolve) => setTimeout(resolve, 600));
        done.push(name);
      }, { concurrency: 1 });
      await harness.queue.enqueue(jobOf('running'));
      await harness.queue.enqueue(jobOf('waiting'));
      await eventually('it runs', async () => begun.length === 1, 5_000);
      const counts = (await server.counts()).get('first');

      await app?.close();
      app = null;

      expect(counts).toMatchObject({ active: 1, waiting: 1 });
      expect(done).toEqual(['running']);
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(begun).toEqual(['running']);
    });

    it('aborts what does not end in time, and has it done by the next server', async () => {
      const reasons: string[] = [];
      await serve(async (_job, signal) => {
        await new Promise((resolve) => signal?.addEventListener('abort', resolve, { once: true }));
        reasons.push('aborted');
        throw new ProxyError('aborted', 'stopped');
      }, { drainMs: 200 });
      await harness.queue.enqueue(jobOf('endless'));
      await new Promise((resolve) => setTimeout(resolve, 300));
      const begin = Date.now();

      await app?.close();
      const tookMs = Date.now() - begin;
      await serve(async () => reasons.push('done'));
      await eventually('the next one does it', async () => reasons.length === 2, 8_000);

      expect(tookMs).toBeLessThan(2_000);
      expect(reasons).toEqual(['aborted', 'done']);
    });

    it('closes in time although a job ignores that it is aborted', async () => {
      let begun = false;
      let finish = (): void => undefined;
      await serve(async () => {
        begun = true;
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
      }, { drainMs: 100 });
      await harness.queue.enqueue(jobOf('deaf'));
      await eventually('it runs', async () => begun, 5_000);
      const begin = Date.now();

      await app?.close();
      app = null;
      const tookMs = Date.now() - begin;
      finish();

      expect(tookMs).toBeLessThan(4_000);
    });

    it('does a burst of 500 jobs, each at least once', async () => {
      const seen = new Map<string, number>();
      await serve(async (job) => {
        const { package: name } = job as IngestJob;
        seen.set(name, (seen.get(name) ?? 0) + 1);
        await new Promise((resolve) => setImmediate(resolve));
      });

      await Promise.all(Array.from({ length: 500 }, (_, index) => harness.queue.enqueue(jobOf(`burst-${index}`))));
      await eventually('all are done', async () => seen.size === 500, 15_000);

      expect([...seen.values()].every((times) => times === 1)).toBe(true);
      expect(failures).toEqual([]);
    });
  });
}
