import { Worker } from 'node:worker_threads';

import { ProxyError } from '@oci-package-proxy/errors';

import { type DocumentResults, type DocumentTask, runTask } from './document-task.ts';

/** From how many bytes of input on a task would be felt by others: parsing takes about 10 ms for each MiB. */
const THREAD_BYTES = 1024 * 1024;
/** A thread that has had nothing to do for so long is ended, for the memory it holds. */
const IDLE_MS = 60_000;

interface Pending {
  readonly worker: Worker;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Does the work on packuments: small ones here, large ones in a thread, so that the event loop is free meanwhile. */
export class DocumentWorkshop {
  readonly #threadBytes: number;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | null = null;
  #idle: NodeJS.Timeout | null = null;
  #next = 0;

  /** @param threadBytes from how many bytes of input on the thread is used. */
  constructor(threadBytes: number = THREAD_BYTES) {
    this.#threadBytes = threadBytes;
  }

  /** Does a task. @throws ProxyError `internal` when the thread dies of it. */
  async run<T extends DocumentTask>(task: T): Promise<DocumentResults[T['kind']]> {
    return inputBytes(task) < this.#threadBytes ? runTask(task) : this.#inThread(task);
  }

  /** Called by Nest. */
  async onApplicationShutdown(): Promise<void> {
    await this.close();
  }

  /** Ends the thread. */
  async close(): Promise<void> {
    this.#cancelIdle();
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }

  async #inThread<T extends DocumentTask>(task: T): Promise<DocumentResults[T['kind']]> {
    this.#cancelIdle();
    const worker = this.#worker ?? this.#start();
    const id = this.#next;
    this.#next += 1;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#pending.set(id, { worker, resolve, reject });
    worker.postMessage({ id, task });
    return (await promise) as DocumentResults[T['kind']];
  }

  #start(): Worker {
    // From source or from dist, whichever this file was loaded from.
    const file = import.meta.url.endsWith('.ts') ? './document-worker.ts' : './document-worker.js';
    const worker = new Worker(new URL(file, import.meta.url), { name: 'documents' });
    worker.unref();
    worker.on('message', (message: { readonly id: number; readonly result?: unknown; readonly failure?: string }) => this.#settle(message));
    worker.on('error', (error) => this.#lost(worker, error));
    worker.on('exit', () => this.#lost(worker, undefined));
    this.#worker = worker;
    return worker;
  }

  #settle({ id, result, failure }: { readonly id: number; readonly result?: unknown; readonly failure?: string }): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (failure === undefined) {
      pending?.resolve(result);
    } else {
      pending?.reject(new ProxyError('internal', `Working on a package document: ${failure}`));
    }
    if (this.#pending.size === 0 && this.#worker !== null) {
      this.#idle = setTimeout(() => void this.close(), IDLE_MS);
      this.#idle.unref();
    }
  }

  #lost(worker: Worker, cause: unknown): void {
    if (this.#worker === worker) {
      this.#worker = null;
    }
    for (const [id, pending] of this.#pending) {
      // The end of a thread is heard of when the next one may have work already.
      if (pending.worker !== worker) {
        continue;
      }
      this.#pending.delete(id);
      pending.reject(new ProxyError('internal', 'Working on a package document: the thread ended; it may be too large for the memory there is.', { cause }));
    }
  }

  #cancelIdle(): void {
    if (this.#idle !== null) {
      clearTimeout(this.#idle);
      this.#idle = null;
    }
  }
}

function inputBytes(task: DocumentTask): number {
  if (task.kind !== 'render') {
    return task.bytes.length;
  }
  const { source } = task;
  return source.kind === 'upstream' ? source.bytes.length : source.package.versions.reduce((sum, { document }) => sum + document.length, 0);
}
