import { jobIdentity } from '../job/job-message.ts';
import { InProcessQueue } from './in-process-queue.ts';
import type { QueueCounts } from './transport-options.ts';

/** Jobs of one ecosystem that may wait; each is some 500 bytes. */
const DEFAULT_CAPACITY = 20_000;

/** Joins the clients and the server of one process: one bounded queue for each ecosystem. */
export class InProcessBroker {
  readonly #capacity: number;
  readonly #queues = new Map<string, InProcessQueue>();

  /** @param options `capacity`: jobs of one ecosystem that may wait, run or be delayed; default 20 000. */
  constructor(options: { readonly capacity?: number } = {}) {
    this.#capacity = options.capacity ?? DEFAULT_CAPACITY;
  }

  /**
   * Hands a job in. One for the same file that still waits or runs makes it superfluous.
   * @throws ProxyError `queue-unavailable` when the queue is full, `invalid` when `data` is no job.
   */
  add(ecosystem: string, pattern: string, data: unknown): void {
    this.queue(ecosystem).add({ id: jobIdentity(data), pattern, data });
  }

  /** The queue of an ecosystem, made when it is first asked for. */
  queue(ecosystem: string): InProcessQueue {
    let queue = this.#queues.get(ecosystem);
    if (queue === undefined) {
      queue = new InProcessQueue(this.#capacity);
      this.#queues.set(ecosystem, queue);
    }
    return queue;
  }

  /** By ecosystem. */
  counts(): ReadonlyMap<string, QueueCounts> {
    return new Map([...this.#queues].map(([ecosystem, queue]) => [ecosystem, queue.counts()]));
  }
}
