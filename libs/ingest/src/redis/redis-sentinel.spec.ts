import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { eventually, freePort, type RunningRedis, type RunningServer, startRedis, startServer, temporaryDirectory } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { RedisChangeBus } from '../bus/redis-change-bus.ts';
import { EmittingIngestQueue } from '../emitting-ingest-queue.ts';
import { BullMqClient } from '../transport/bullmq-client.ts';
import { BullMqServer } from '../transport/bullmq-server.ts';
import { jobOf, SILENT } from '../transport/transport.contract.ts';

describe('through a sentinel', () => {
  let redis: RunningRedis;
  let sentinel: RunningServer;
  let url: string;

  beforeAll(async () => {
    redis = await startRedis();
    const [port, directory] = await Promise.all([freePort(), temporaryDirectory('sentinel')]);
    const settings = [`port ${port}`, 'bind 127.0.0.1', `dir ${directory}`, `sentinel monitor main 127.0.0.1 ${redis.port} 1`];
    await writeFile(join(directory, 'sentinel.conf'), settings.join('\n'));
    sentinel = await startServer({ command: 'redis-server', arguments: [join(directory, 'sentinel.conf'), '--sentinel'], port, directory, debianPackage: 'redis-server' });
    // The first one does not exist: it must try the next.
    url = `redis+sentinel://127.0.0.1:1,127.0.0.1:${port}/main/0`;
  });
  afterAll(async () => {
    await sentinel.stop();
    await redis.stop();
  });

  it('hands jobs in, does them, and hears of changes', async () => {
    const done: string[] = [];
    const changed: string[] = [];
    const options = { url, logger: SILENT };
    const [client, server, bus] = [new BullMqClient(options), new BullMqServer({ ...options, ecosystems: null }), new RedisChangeBus(options)];
    server.addHandler('ingest.first', async () => void done.push('job'), true);
    await new Promise<void>((resolve) => server.listen(() => resolve()));
    bus.subscribe({ changed: (change) => void changed.push(change.package), connection: () => undefined });
    await eventually('the bus is connected', async () => bus.connected, 5_000);

    await eventually('the job is taken', async () => new EmittingIngestQueue(client).enqueue(jobOf('one')).then(() => true), 5_000);
    await bus.announce({ ecosystem: 'first', package: 'one', repository: 'first/one' });
    await eventually('it is done', async () => done.length === 1 && changed.length === 1, 5_000);
    await Promise.all([client, server, bus].map((one) => one.close()));

    expect(done).toEqual(['job']);
    expect(changed).toEqual(['one']);
  });
});
