import { type RunningRedis, startRedis } from '@oci-package-proxy/testing';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';

import { EmittingIngestQueue } from '../emitting-ingest-queue.ts';
import { jobIdentity } from '../job/job-message.ts';
import { queueName } from '../job/pattern.ts';
import { BullMqClient } from './bullmq-client.ts';
import { BullMqServer } from './bullmq-server.ts';
import { describeTransport, SILENT } from './transport.contract.ts';

let redis: RunningRedis;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

describeTransport('BullMQ', async () => {
  const admin = new Redis(redis.url);
  await admin.flushall();
  const client = new BullMqClient({ url: redis.url, logger: SILENT });
  return {
    queue: new EmittingIngestQueue(client),
    server: (options) => new BullMqServer({ ...options, url: redis.url }),
    inject: async (ecosystem, pattern, job) => {
      const queue = new Queue(queueName(ecosystem), { connection: admin });
      await queue.add(pattern, job, { deduplication: { id: jobIdentity(job) } });
      await queue.close();
    },
    stop: async () => {
      await client.close();
      admin.disconnect();
    },
  };
});
