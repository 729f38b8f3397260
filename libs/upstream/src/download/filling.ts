import type { Readable } from 'node:stream';

import { ProxyError, toProxyError } from '@oci-package-proxy/errors';

import { abortedError, pause, throwIfAborted } from '../abort.ts';
import type { UpstreamLogger } from '../logger.ts';
import { wrongContent } from './digests.ts';
import type { DownloadSource, SourceBody } from './download-port.ts';
import { openSource } from './source-opening.ts';

const ROUNDS = 3;

/** Where the bytes of sources go. What it throws ends the download: no other source would do better. */
export interface Sink {
  /** Bytes so far. */
  readonly received: number;
  /** Bytes of the whole file, when known. */
  readonly size: number | null;
  /** A source answered; `size` is what it says of the whole file. */
  opened(size: number | null): void;
  write(chunk: Buffer): Promise<void>;
}

/** How sources are drained. */
export interface FillingOptions {
  /** A source is given up after so many milliseconds without a byte. */
  readonly stallMs: number;
  /** Before the second round, at random, up to so many milliseconds; before the third twice as many. */
  readonly roundPauseMs: number;
  readonly subject: string;
  readonly signal: AbortSignal;
  readonly logger: UpstreamLogger;
}

/**
 * Fills `sink` from one source after another; each continues where the last one stopped. When all have failed and some
 * bytes did come, they are tried again, three rounds in all.
 * @throws ProxyError `not-found` when every source says so, else what the last one failed with; `aborted`; what the sink throws.
 */
export async function fill(sink: Sink, sources: readonly DownloadSource[], options: FillingOptions): Promise<void> {
  let candidates = sources;
  let validator: string | null = null;
  let failure: ProxyError | null = null;
  let answered = false;
  for (let round = 0; round < ROUNDS && candidates.length > 0 && (round === 0 || answered); round += 1) {
    if (round > 0) {
      await pause(Math.random() * options.roundPauseMs * round, options.signal, options.subject);
    }
    const useless = new Set<DownloadSource>();
    for (const [index, source] of candidates.entries()) {
      throwIfAborted(options.signal, options.subject);
      const at = { offset: sink.received, validator };
      const body = await openSource(source, at, { ...options, patient: index === candidates.length - 1 });
      if (body === null) {
        useless.add(source);
        continue;
      }
      if (body instanceof ProxyError) {
        failure = body;
        continue;
      }
      answered = true;
      validator ??= body.validator;
      failure = await drain(body, sink, options);
      if (failure === null) {
        return;
      }
      throwIfAborted(options.signal, options.subject);
      if (failure.code === 'integrity') {
        useless.add(source);
      }
      options.logger.warn({ source: source.name, subject: options.subject, received: sink.received, error: failure }, 'a source broke off');
    }
    candidates = candidates.filter((source) => !useless.has(source));
  }
  throw failure ?? notFound(options.subject, answered);
}

function notFound(subject: string, answered: boolean): ProxyError {
  if (answered) {
    return new ProxyError('upstream-unavailable', `The ${subject} is no longer there, after a part of it had come.`);
  }
  return new ProxyError('not-found', `The ${subject} does not exist upstream.`);
}

/** @returns null when the file is complete, else why there is no more of it. @throws what the sink throws. */
async function drain(body: SourceBody, sink: Sink, options: FillingOptions): Promise<ProxyError | null> {
  const chunks = new PatientReader(body.stream, options);
  try {
    if (body.offset > sink.received) {
      return new ProxyError('upstream-unavailable', `The ${options.subject}: a source began at byte ${body.offset} and not at ${sink.received}`);
    }
    if (body.size !== null && sink.size !== null && body.size !== sink.size) {
      return wrongContent(options.subject, `${body.size} bytes and not ${sink.size}`);
    }
    sink.opened(body.size);
    // A source that cannot begin in the middle sends again what is there; the digest tells whether it was the same.
    let skip = sink.received - body.offset;
    for (let chunk = await chunks.next(); chunk !== null; chunk = await chunks.next()) {
      if (chunk instanceof ProxyError) {
        return isComplete(sink) ? null : chunk;
      }
      const skipped = Math.min(skip, chunk.length);
      skip -= skipped;
      if (skipped < chunk.length) {
        await sink.write(chunk.subarray(skipped));
      }
    }
    if (skip > 0 || (sink.size !== null && sink.received < sink.size)) {
      return new ProxyError('upstream-unavailable', `The ${options.subject} ended after ${sink.received} of ${sink.size ?? 'more'} bytes`);
    }
    return null;
  } finally {
    chunks.close();
  }
}

function isComplete(sink: Sink): boolean {
  return sink.size !== null && sink.received === sink.size;
}

/** Reads a stream chunk by chunk; a chunk that does not come in time is a failure. The time of whoever takes the chunks does not count. */
class PatientReader {
  readonly #stream: Readable;
  readonly #iterator: AsyncIterator<Buffer>;
  readonly #options: FillingOptions;
  readonly #timer: NodeJS.Timeout;
  #waiting = false;
  readonly #onAbort = (): void => void this.#stream.destroy(abortedError(this.#options.subject, this.#options.signal));

  constructor(stream: Readable, options: FillingOptions) {
    this.#stream = stream;
    this.#options = options;
    stream.on('error', () => undefined);
    this.#iterator = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    this.#timer = setTimeout(() => this.#stalled(), options.stallMs);
    options.signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  async next(): Promise<Buffer | ProxyError | null> {
    this.#waiting = true;
    this.#timer.refresh();
    try {
      const { done, value } = await this.#iterator.next();
      return done === true ? null : value;
    } catch (error) {
      return sourceFailure(error, this.#options.subject);
    } finally {
      this.#waiting = false;
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    this.#stream.destroy();
  }

  #stalled(): void {
    if (this.#waiting) {
      this.#stream.destroy(new ProxyError('upstream-unavailable', `The ${this.#options.subject}: no byte came for ${this.#options.stallMs} ms`));
    }
  }
}

function sourceFailure(error: unknown, subject: string): ProxyError {
  const failure = toProxyError(error, subject);
  if (failure.code !== 'internal') {
    return failure;
  }
  return new ProxyError('upstream-unavailable', `The ${subject} broke off on its way; look at the upstream's health`, { cause: error });
}
