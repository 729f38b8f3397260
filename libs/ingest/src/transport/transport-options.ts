import type { IngestLogger } from '../logger.ts';
import type { RetryPolicy } from '../job/retry-policy.ts';

/** Jobs of one queue at this moment. */
export interface QueueCounts {
  readonly waiting: number;
  readonly active: number;
  /** Failed and to be tried again. */
  readonly delayed: number;
  /** Failed for good, as far as they are remembered. */
  readonly failed: number;
}

/** A try of a job that failed. */
export interface JobFailure {
  readonly pattern: string;
  readonly error: unknown;
  /** 1 for the first try. */
  readonly attempt: number;
  /** Whether it is not tried again. */
  readonly final: boolean;
}

/** What every ingest server takes. */
export interface IngestServerOptions {
  /** Whose jobs are taken; null for all that have a handler. */
  readonly ecosystems: readonly string[] | null;
  readonly logger: IngestLogger;
  /** Jobs of one ecosystem at the same time; default 4. */
  readonly concurrency?: number;
  /** Over BullMQ a job is never tried more than 8 times, whatever this says. */
  readonly retry?: RetryPolicy;
  /** How long closing waits for running jobs before it aborts them, in milliseconds; default 25 000. */
  readonly drainMs?: number;
  /** Whether a job failed because storage is away or takes no writes: it waits, and the try does not count. Default: never. */
  readonly isOutage?: (error: unknown) => boolean;
  /** Told of every failed try, after it was logged. Must not throw. */
  readonly onFailed?: (failure: JobFailure) => void;
}

/** Default of {@link IngestServerOptions.concurrency}. */
export const DEFAULT_CONCURRENCY = 4;

/** Default of {@link IngestServerOptions.drainMs}: below the 30 s after which orchestrators kill. */
export const DEFAULT_DRAIN_MS = 25_000;

/** How long an aborted job may take to end, in milliseconds. */
export const ABORT_GRACE_MS = 2_000;
