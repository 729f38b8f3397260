import { ProxyError } from '@oci-package-proxy/errors';

import type { CallOptions } from '../ports/repository.ts';

/** One request that a repository is about to make. */
export interface MemoryOperation {
  readonly kind: 'stat-blob' | 'read-blob' | 'write-blob' | 'read-manifest' | 'stat-manifest' | 'write-manifest' | 'create-tag' | 'list-page' | 'delete-tag';
  readonly repository: string;
  /** The tag or digest, where there is one. */
  readonly reference?: string;
  /** Whose request: the label of the view. */
  readonly actor: string;
}

/** How a request that writes fares: `apply` it; `drop` it though it is answered with success; `late`: it takes effect when the promise resolves, and the caller waits no longer than for its own answer. */
export type Fate = 'apply' | 'drop' | { readonly late: Promise<unknown> };

/**
 * Stands before every request: it may wait (a pause, or a scheduler's turn), throw (the request fails before it took effect)
 * and say how a write fares. `after` runs when the request took effect and may throw: the caller then never sees the answer.
 */
export interface Gate {
  before?(operation: MemoryOperation): Promise<Fate | void> | Fate | void;
  after?(operation: MemoryOperation): Promise<void> | void;
}

/** What a request is, and what it does. */
interface ReadRequest<T> {
  readonly kind: MemoryOperation['kind'];
  readonly reference?: string;
  /** Reads the store, or changes it, at one instant. */
  readonly effect: () => T;
}

/** A request that writes. */
interface WriteRequest<T> extends ReadRequest<T> {
  /** What a caller is answered whose write does not take effect (yet) but is said to have. */
  readonly success: T;
}

/** The requests of one view to one repository: counted, and passed through the gate. */
export class MemoryRequests {
  readonly #gate: Gate;
  readonly #actor: string;
  readonly #log: MemoryOperation[];
  readonly #repository: string;

  constructor(options: { readonly repository: string; readonly gate: Gate | undefined; readonly actor: string | undefined; readonly log: MemoryOperation[] }) {
    this.#repository = options.repository;
    this.#gate = options.gate ?? {};
    this.#actor = options.actor ?? 'only';
    this.#log = options.log;
  }

  /** A read: the gate's fate does not concern it. */
  async read<T>(request: ReadRequest<T>, options: CallOptions = {}): Promise<T> {
    const operation = this.#begin(request, options);
    await this.#gate.before?.(operation);
    this.#throwIfAborted(operation, options);
    const result = request.effect();
    await this.#gate.after?.(operation);
    return result;
  }

  /** A write, which the gate may drop or delay. */
  async write<T>(request: WriteRequest<T>, options: CallOptions = {}): Promise<T> {
    const operation = this.#begin(request, options);
    const fate = (await this.#gate.before?.(operation)) ?? 'apply';
    if (fate === 'apply') {
      this.#throwIfAborted(operation, options);
    }
    const result = fate === 'apply' ? request.effect() : request.success;
    if (typeof fate === 'object') {
      void fate.late.then(request.effect).catch(() => undefined);
    }
    await this.#gate.after?.(operation);
    return result;
  }

  #begin({ kind, reference }: ReadRequest<unknown>, options: CallOptions): MemoryOperation {
    const operation: MemoryOperation = { kind, repository: this.#repository, actor: this.#actor, ...(reference === undefined ? {} : { reference }) };
    this.#throwIfAborted(operation, options);
    this.#log.push(operation);
    return operation;
  }

  #throwIfAborted(operation: MemoryOperation, { signal }: CallOptions): void {
    if (signal?.aborted === true) {
      throw new ProxyError('aborted', `${operation.kind} in repository ${this.#repository}: given up by the caller`, { cause: signal.reason });
    }
  }
}
