import { ProxyError } from '@oci-package-proxy/errors';
import { type BlobBody, type CallOptions, isTagCreator, isTagDeleter, type Registry, type Repository, type TagCreator, type TagDeleter } from '@oci-package-proxy/oci';

import { credentialFailure } from './credential-failure.ts';
import type { PassageKind, StorageCircuit } from './storage-circuit.ts';

/** Every operation but the writing of a blob: however patient the driver is, nobody waits longer. */
const DEADLINE_MS = 60_000;

/**
 * `registry`, whose operations fail at once while storage is away. What its repositories can do besides stays what it is.
 * @param options `deadlineMs`: after how long an operation (a page of tags; never a blob's upload) fails with `storage-unavailable`; default 60 000.
 */
export function withCircuit(registry: Registry, circuit: StorageCircuit, options: { readonly deadlineMs?: number } = {}): Registry {
  const run = runner(circuit, options.deadlineMs ?? DEADLINE_MS);
  return {
    repository: (name) => guarded(registry.repository(name), run),
    check: (call) => registry.check(call),
    close: async () => {
      circuit.close();
      await registry.close();
    },
  };
}

interface Operation<T> {
  readonly kind: PassageKind;
  readonly subject: string;
  readonly signal: AbortSignal | undefined;
  work(signal: AbortSignal): Promise<T>;
  /** Lets go of a result that came too late. */
  discard?(result: T): void;
}

type Run = <T>(operation: Operation<T>) => Promise<T>;

function runner(circuit: StorageCircuit, deadlineMs: number): Run {
  return async (operation) => {
    const { kind, subject, signal } = operation;
    const passage = circuit.enter();
    const given = new AbortController();
    const late = Promise.withResolvers<never>();
    const timer = kind === 'upload' ? undefined : setTimeout(() => late.reject(tooLate(subject, circuit.name, deadlineMs)), deadlineMs);
    const working = operation.work(signal === undefined ? given.signal : AbortSignal.any([given.signal, signal]));
    let error: unknown = null;
    try {
      return await Promise.race([working, passage.broken, late.promise]);
    } catch (caught) {
      const failure = credentialFailure(caught);
      error = failure;
      given.abort(failure);
      void working.then((result) => operation.discard?.(result), () => undefined);
      throw failure;
    } finally {
      clearTimeout(timer);
      passage.done({ kind, error });
    }
  };
}

function tooLate(subject: string, name: string, deadlineMs: number): ProxyError {
  return new ProxyError('storage-unavailable', `${subject}: ${name} was not done within ${deadlineMs / 1000} s; look at its load and its log`);
}

function guarded(inner: Repository, run: Run): Repository {
  const read = <T>(operation: string, call: CallOptions | undefined, work: (signal: AbortSignal) => Promise<T>, discard?: (result: T) => void): Promise<T> =>
    run({ kind: 'read', subject: `${operation} of ${inner.name}`, signal: call?.signal, work, ...(discard !== undefined && { discard }) });
  const write = <T>(operation: string, call: CallOptions | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> =>
    run({ kind: 'write', subject: `${operation} of ${inner.name}`, signal: call?.signal, work });
  const creator: Partial<TagCreator> = isTagCreator(inner) ? { createTag: (tag, manifest, call) => write(`creating tag ${tag}`, call, (signal) => inner.createTag(tag, manifest, { ...call, signal })) } : {};
  // A refusal is told by the answer, and no failure says anything about writes: many registries never delete.
  const deleter: Partial<TagDeleter> = isTagDeleter(inner) ? { deleteTag: (tag, call) => read(`deleting tag ${tag}`, call, (signal) => inner.deleteTag(tag, { ...call, signal })) } : {};
  return {
    name: inner.name,
    statBlob: (digest, call) => read(`looking up blob ${digest}`, call, (signal) => inner.statBlob(digest, { ...call, signal })),
    readBlob: (digest, call) => read(`reading blob ${digest}`, call, (signal) => inner.readBlob(digest, { ...call, signal }), letGo),
    writeBlob: (source, call) =>
      run({ kind: 'upload', subject: `writing blob ${source.digest} of ${inner.name}`, signal: call?.signal, work: (signal) => inner.writeBlob(source, { ...call, signal }) }),
    readManifest: (reference, call) => read(`reading manifest ${reference}`, call, (signal) => inner.readManifest(reference, { ...call, signal })),
    statManifest: (reference, call) => read(`looking up manifest ${reference}`, call, (signal) => inner.statManifest(reference, { ...call, signal })),
    writeManifest: (manifest, call) => write(`writing manifest ${call?.tag ?? manifest.digest}`, call, (signal) => inner.writeManifest(manifest, { ...call, signal })),
    listTags: (call) => guardedPages(inner, { call, run }),
    ...creator,
    ...deleter,
  };
}

async function* guardedPages(inner: Repository, { call, run }: { readonly call: CallOptions | undefined; readonly run: Run }): AsyncGenerator<readonly string[]> {
  const given = new AbortController();
  const signal = call?.signal === undefined ? given.signal : AbortSignal.any([given.signal, call.signal]);
  const pages = inner.listTags({ ...call, signal })[Symbol.asyncIterator]();
  const next = (): Promise<IteratorResult<readonly string[]>> => run({ kind: 'read', subject: `listing tags of ${inner.name}`, signal: call?.signal, work: () => pages.next() });
  let ended = false;
  try {
    for (let page = await next(); page.done !== true; page = await next()) {
      yield page.value;
    }
    ended = true;
  } finally {
    if (!ended) {
      given.abort();
      // It may still be busy with a page that nobody waits for any more.
      void Promise.resolve(pages.return?.()).catch(() => undefined);
    }
  }
}

function letGo(body: BlobBody | null): void {
  body?.stream.on('error', () => undefined).destroy();
}
