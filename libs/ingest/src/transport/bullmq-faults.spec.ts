import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

import { eventually, freePort, type RunningRedis, startRedis } from '@oci-package-proxy/testing';
import { Worker } from 'bullmq';
import { describe, it, type TestContext, vi } from 'vitest';

import { EmittingIngestQueue } from '../emitting-ingest-queue.ts';
import type { IngestJob } from '../ingest-port.ts';
import { BullMqClient } from './bullmq-client.ts';
import { BullMqServer, type BullMqServerOptions } from './bullmq-server.ts';
import { jobOf, SILENT } from './transport.contract.ts';

const QUICK = { ecosystems: null, logger: SILENT, lockDurationMs: 1_500, stalledIntervalMs: 400, retry: { attempts: 3, baseMs: 50, maxMs: 100 }, drainMs: 3_000 };

/** A file of ours as a program can import it: one without decorators, which node cannot run from source. */
function source(file: string): string {
  return JSON.stringify(new URL(file, import.meta.url).href);
}

/** Uses all that connects to Redis, and closes it. */
function wholeProgram(url: string): string {
  return `
import { BullMqClient } from ${source('bullmq-client.ts')};
import { BullMqServer } from ${source('bullmq-server.ts')};
import { EmittingIngestQueue } from ${source('../emitting-ingest-queue.ts')};
import { RedisChangeBus } from ${source('../bus/redis-change-bus.ts')};
import { RedisHolders } from ${source('../holders/redis-holders.ts')};
const options = { url: ${JSON.stringify(url)}, logger: { debug() {}, info() {}, warn() {}, error() {} } };
const server = new BullMqServer({ ...options, ecosystems: null });
const done = new Promise((resolve) => server.addHandler('ingest.first', async () => resolve(), true));
await new Promise((resolve) => server.listen(resolve));
const client = new BullMqClient(options);
const bus = new RedisChangeBus(options);
const holders = new RedisHolders({ ...options, internalUrl: 'http://10.0.0.1:9091' });
await new EmittingIngestQueue(client).enqueue({ version: 1, ecosystem: 'first', package: 'a', file: 'a', digest: 'sha256:0', holder: null, at: 0 });
await bus.announce({ ecosystem: 'first', package: 'a', repository: 'first/a' });
await holders.claim('a');
await done;
await Promise.all([server, client, bus, holders].map((one) => one.close()));
console.log('closed');
`;
}

/** Takes one job and never ends it. */
function workerProgram(url: string): string {
  return `
import { BullMqServer } from ${source('bullmq-server.ts')};
const logger = { debug() {}, info() {}, warn() {}, error() {} };
const server = new BullMqServer({ ecosystems: null, logger, url: ${JSON.stringify(url)}, lockDurationMs: 1500, stalledIntervalMs: 400 });
server.addHandler('ingest.first', async (job) => { console.log('begun', job.package); await new Promise(() => setInterval(() => {}, 1000)); }, true);
server.listen((error) => console.log(error ?? 'listening'));
`;
}

/** What a test starts, ended when it is over, the last one first. */
class Parts {
  readonly #test: Pick<TestContext, 'onTestFinished'>;

  constructor(test: Pick<TestContext, 'onTestFinished'>) {
    this.#test = test;
  }

  later(cleanup: () => unknown): void {
    this.#test.onTestFinished(async () => void (await cleanup()));
  }

  async redis(port?: number): Promise<RunningRedis> {
    const redis = await startRedis(port === undefined ? {} : { port });
    this.later(() => redis.stop());
    return redis;
  }

  queue(url: string): EmittingIngestQueue {
    const client = new BullMqClient({ url, logger: SILENT });
    this.later(() => client.close());
    return new EmittingIngestQueue(client);
  }

  async server(url: string, run: (name: string, signal: AbortSignal) => Promise<void>, change: Partial<BullMqServerOptions> = {}): Promise<BullMqServer> {
    const server = new BullMqServer({ ...QUICK, ...change, url });
    server.addHandler('ingest.first', async (job: IngestJob, context: { readonly signal: AbortSignal }) => run(job.package, context.signal), true);
    await new Promise<void>((resolve, reject) => server.listen((error) => (error === undefined ? resolve() : reject(error as Error))));
    this.later(() => server.close());
    return server;
  }

  program(program: string): ChildProcess {
    const child = spawn(process.execPath, ['--conditions=@oci-package-proxy/source', '--input-type=module', '-e', program], { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] });
    this.later(() => child.kill('SIGKILL'));
    return child;
  }
}

// They wait more than they work.
describe.concurrent('ingest over BullMQ, when things break', () => {
  it('has the job of a killed worker done by another one', async ({ expect, onTestFinished }) => {
    const parts = new Parts({ onTestFinished });
    const redis = await parts.redis();
    const child = parts.program(workerProgram(redis.url));
    const done: string[] = [];
    await parts.queue(redis.url).enqueue(jobOf('orphan'));
    await printed(child, 'begun orphan');

    child.kill('SIGKILL');
    await once(child, 'exit');
    const begin = Date.now();
    await parts.server(redis.url, async (name) => void done.push(name));
    await eventually('another one does it', async () => done.length === 1, 10_000);

    expect(Date.now() - begin).toBeLessThan(QUICK.lockDurationMs + 4 * QUICK.stalledIntervalMs + 1_000);
    expect(done).toEqual(['orphan']);
  });

  it('rejects at once while Redis is gone, and goes on by itself when it is back', async ({ expect, onTestFinished }) => {
    const parts = new Parts({ onTestFinished });
    const port = await freePort();
    const first = await parts.redis(port);
    const queue = parts.queue(first.url);
    const done: string[] = [];
    const server = await parts.server(first.url, async (name) => void done.push(name));
    await queue.enqueue(jobOf('before'));
    await eventually('the first is done', async () => done.length === 1, 5_000);

    await first.stop();
    await new Promise((resolve) => setTimeout(resolve, 100));
    const begin = Date.now();
    const refused = await queue.enqueue(jobOf('meanwhile')).then(() => null, (error: unknown) => error);
    const tookMs = Date.now() - begin;
    const counts = await server.counts();
    // Longer than BullMQ's own blocking read and its watchdog: workers used to stay away after that.
    await new Promise((resolve) => setTimeout(resolve, 7_000));
    await parts.redis(port);
    await eventually('the producer is back', async () => queue.enqueue(jobOf('after')).then(() => true), 8_000);
    await eventually('the worker is back', async () => done.includes('after'), 10_000);

    expect(refused).toMatchObject({ code: 'queue-unavailable' });
    expect(tookMs).toBeLessThan(500);
    expect(counts.size).toBe(0);
    expect(done).toEqual(['before', 'after']);
  });

  it('gives up on a Redis that hangs within 2 s, and goes on by itself when it moves again', async ({ expect, onTestFinished }) => {
    const parts = new Parts({ onTestFinished });
    const redis = await parts.redis();
    const queue = parts.queue(redis.url);
    const done: string[] = [];
    await parts.server(redis.url, async (name) => void done.push(name));
    await queue.enqueue(jobOf('before'));
    await eventually('the first is done', async () => done.length === 1, 5_000);

    redis.signal('SIGSTOP');
    const begin = Date.now();
    const refused = await queue.enqueue(jobOf('meanwhile')).then(() => null, (error: unknown) => error);
    const tookMs = Date.now() - begin;
    await new Promise((resolve) => setTimeout(resolve, 6_500));
    redis.signal('SIGCONT');
    await eventually('the producer is back', async () => queue.enqueue(jobOf('after')).then(() => true), 8_000);
    await eventually('the worker is back', async () => done.includes('after'), 10_000);

    expect(refused).toMatchObject({ code: 'queue-unavailable' });
    expect(tookMs).toBeLessThan(2_000);
  });

  it('starts without Redis and works when it comes', async ({ expect, onTestFinished }) => {
    const parts = new Parts({ onTestFinished });
    const port = await freePort();
    const url = `redis://127.0.0.1:${port}`;
    const queue = parts.queue(url);
    const done: string[] = [];

    const refused = await queue.enqueue(jobOf('early')).then(() => null, (error: unknown) => error);
    const starting = parts.server(url, async (name) => void done.push(name));
    await parts.redis(port);
    await starting;
    await eventually('the producer is there', async () => queue.enqueue(jobOf('late')).then(() => true), 8_000);
    await eventually('the worker is there', async () => done.includes('late'), 8_000);

    expect(refused).toMatchObject({ code: 'queue-unavailable' });
    expect(done).toEqual(['late']);
  });

  it('closes at once when there is neither Redis nor a job', async ({ expect, onTestFinished }) => {
    const parts = new Parts({ onTestFinished });
    const redis = await parts.redis();
    const server = await parts.server(redis.url, async () => undefined);
    const client = new BullMqClient({ url: redis.url, logger: SILENT });
    await new EmittingIngestQueue(client).enqueue(jobOf('one'));
    await redis.stop();
    await new Promise((resolve) => setTimeout(resolve, 100));
    const begin = Date.now();

    await Promise.all([server.close(), client.close()]);

    expect(Date.now() - begin).toBeLessThan(2_000);
  });

  it('closes in time when Redis goes while a job runs', async ({ expect, onTestFinished }) => {
    const parts = new Parts({ onTestFinished });
    const redis = await parts.redis();
    let running = false;
    const server = await parts.server(redis.url, async (_name, signal) => {
      running = true;
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    }, { drainMs: 300 });
    await parts.queue(redis.url).enqueue(jobOf('one'));
    await eventually('it runs', async () => running, 5_000);
    await redis.stop();
    const begin = Date.now();

    await server.close();

    expect(Date.now() - begin).toBeLessThan(4_000);
  });

  it('leaves nothing behind that keeps a process alive', async ({ expect, onTestFinished }) => {
    const parts = new Parts({ onTestFinished });
    const redis = await parts.redis();
    const child = parts.program(wholeProgram(redis.url));
    const exited = once(child, 'exit');
    await printed(child, 'closed');

    const begin = Date.now();
    const [code] = (await exited) as [number | null];

    expect(code).toBe(0);
    expect(Date.now() - begin).toBeLessThan(2_000);
  });
});

// It changes BullMQ for everybody.
describe('ingest over BullMQ, when BullMQ sticks', () => {
  it('replaces a worker that takes nothing although jobs wait', async ({ expect, onTestFinished }) => {
    const parts = new Parts({ onTestFinished });
    const redis = await parts.redis();
    const errors: string[] = [];
    const done: string[] = [];
    const logger = { ...SILENT, error: (_fields: unknown, message: string) => errors.push(message) };
    // As in bullmq#4479 and #4585: the fetch loop waits for an answer that never comes.
    const fetch = vi.spyOn(Worker.prototype as unknown as { _getNextJob(): Promise<void> }, '_getNextJob');
    fetch.mockImplementationOnce(() => new Promise(() => undefined));
    parts.later(() => fetch.mockRestore());
    await parts.server(redis.url, async (name) => void done.push(name), { watchdogMs: 800, logger });
    await parts.queue(redis.url).enqueue(jobOf('stuck'));

    await eventually('the new one does it', async () => done.length === 1, 6_000);

    expect(errors).toContain('ingest queue: jobs wait and none is taken; starting a new worker');
    expect(done).toEqual(['stuck']);
  });
});

async function printed(child: ChildProcess, text: string): Promise<void> {
  let output = '';
  for await (const chunk of child.stdout ?? []) {
    output += String(chunk);
    if (output.includes(text)) {
      return;
    }
  }
  throw new Error(`the child ended with: ${output}`);
}
