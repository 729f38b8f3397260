import { describe, expect, it } from 'vitest';

import { EmittingIngestQueue } from '../emitting-ingest-queue.ts';
import { InProcessBroker } from './in-process-broker.ts';
import { InProcessClient } from './in-process-client.ts';
import { InProcessServer } from './in-process-server.ts';
import { describeTransport, jobOf } from './transport.contract.ts';

describeTransport('in process', async () => {
  const broker = new InProcessBroker();
  return {
    queue: new EmittingIngestQueue(new InProcessClient(broker)),
    server: (options) => new InProcessServer(broker, options),
    inject: async (ecosystem, pattern, job) => broker.add(ecosystem, pattern, job),
    stop: async () => undefined,
  };
});

describe('in-process broker', () => {
  it('refuses what goes beyond its capacity, but nothing that it has already', async () => {
    const queue = new EmittingIngestQueue(new InProcessClient(new InProcessBroker({ capacity: 2 })));
    await queue.enqueue(jobOf('one'));
    await queue.enqueue(jobOf('two'));

    const again = queue.enqueue(jobOf('two'));
    const third = queue.enqueue(jobOf('three'));

    await expect(again).resolves.toBeUndefined();
    await expect(third).rejects.toMatchObject({ code: 'queue-unavailable', message: expect.stringContaining('full') });
  });
});
