import { ProxyError } from '@oci-package-proxy/errors';
import { bufferBlob, EMPTY_BYTES, type Gate, MemoryRegistry, type Registry, type Repository, type TagDeleter } from '@oci-package-proxy/oci';
import { beforeEach, describe, expect, it } from 'vitest';

import { Ledger } from './ledger.ts';
import { keptLog, newFact, rawBytes, rawManifest, REF, requestsOf } from './sample-fact.contract.ts';
import { claimTag, deletionTag } from './tags.ts';
import { LEDGER_TYPES } from './vendor.ts';

const SECOND = 1000;
let now = 0;
const clock = (): number => now;

beforeEach(() => {
  now = Date.parse('2026-06-01T00:00:00.000Z');
});

async function filled(versions: readonly string[], how: 'publish' | 'ingest' = 'ingest'): Promise<MemoryRegistry> {
  const registry = new MemoryRegistry({ createOnly: true });
  const ledger = new Ledger({ registry, clock });
  for (const version of versions) {
    await (how === 'publish' ? ledger.publish(REF, newFact(version), { by: 'alice' }) : ledger.ingest(REF, newFact(version)));
  }
  return registry;
}

function readerOf(registry: MemoryRegistry, gate?: Gate): { readonly view: MemoryRegistry; readonly ledger: Ledger; readonly log: ReturnType<typeof keptLog> } {
  const view = registry.view({ actor: 'reader', ...(gate === undefined ? {} : { gate }) });
  const log = keptLog();
  return { view, ledger: new Ledger({ registry: view, clock, logger: log }), log };
}

async function put(repository: Repository, tag: string, manifest = rawManifest({})): Promise<void> {
  await repository.writeBlob(bufferBlob(EMPTY_BYTES));
  await repository.writeManifest(manifest, { tag });
}

// A registry whose repositories answer some calls otherwise.
function registryOf(registry: MemoryRegistry, change: (repository: Repository) => Partial<Repository>): Registry {
  return {
    check: async () => registry.check(),
    close: async () => registry.close(),
    repository: (name) => {
      const repository = registry.repository(name);
      const changed = change(repository) as Record<string | symbol, unknown>;
      return new Proxy(repository, {
        get: (target, key): unknown => {
          const value = changed[key] ?? (target as unknown as Record<string | symbol, unknown>)[key];
          return typeof value === 'function' ? (value as (...given: unknown[]) => unknown).bind(target) : value;
        },
      });
    },
  };
}

function failIf(fails: boolean): void {
  if (fails) {
    throw new ProxyError('storage-unavailable', 'the registry is away');
  }
}

describe('requests of a fold', () => {
  it('are the pages of the list and two more for 1000 versions with a snapshot, and the pages alone afterwards', async () => {
    const registry = await filled(Array.from({ length: 1000 }, (_, index) => `1.0.${index}`));
    const writer = new Ledger({ registry, clock });
    await writer.refreshSnapshot(REF);
    const { view, ledger } = readerOf(registry);

    const cold = await ledger.fold(REF);
    const coldRequests = requestsOf(view);
    await ledger.fold(REF);
    const cachedRequests = requestsOf(view);
    const warm = await ledger.fold(REF, { fresh: true });
    const warmRequests = requestsOf(view);

    expect(cold.facts.size).toBe(1000);
    expect(cold).toEqual(await writer.fold(REF));
    expect(coldRequests).toEqual(['list-page', 'list-page', 'read-manifest _snapshot', expect.stringMatching(/^read-blob /)]);
    expect(cachedRequests).toEqual([]);
    expect(warmRequests).toEqual(['list-page', 'list-page']);
    expect(warm).toBe(cold);
  });

  it('are one for each new tag, and none for a deletion', async () => {
    const registry = await filled(['1.0.0', '1.0.1', '1.0.2']);
    const { view, ledger } = readerOf(registry);
    await ledger.fold(REF);
    const writer = new Ledger({ registry, clock });
    await writer.ingest(REF, newFact('1.0.3'));
    await writer.delete(REF, ['1.0.0'], { by: 'alice' });
    requestsOf(view);

    const fold = await ledger.fold(REF, { fresh: true });

    expect(requestsOf(view)).toEqual(['list-page', 'read-manifest 1.0.3']);
    expect([...fold.facts.keys()]).toEqual(['1.0.1', '1.0.2', '1.0.3']);
  });

  it('are at most 8 at once', async () => {
    const registry = await filled(Array.from({ length: 40 }, (_, index) => `1.0.${index}`));
    let running = 0;
    let most = 0;
    const { ledger } = readerOf(registry, {
      before: async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise(setImmediate);
      },
      after: () => {
        running -= 1;
      },
    });

    await ledger.fold(REF);

    expect(most).toBe(8);
  });

  it('do not repeat what is not ours', async () => {
    const registry = await filled(['1.0.0']);
    const repository = registry.repository(REF.repository);
    const claim = claimTag({ subject: '0'.repeat(16), round: 0, phase: 'a', digest: 'a'.repeat(64), vote: null });
    for (const tag of ['latest', `sha256-${'a'.repeat(64)}.sig`, claim, '_unknown', '_upstream']) {
      await put(repository, tag);
    }
    const { view, ledger, log } = readerOf(registry);

    const first = await ledger.fold(REF);
    const read = requestsOf(view).filter((request) => request.startsWith('read-manifest')).sort();
    const second = await ledger.fold(REF, { fresh: true });

    expect([...first.facts.keys()]).toEqual(['1.0.0']);
    expect(read).toEqual(['read-manifest 1.0.0', 'read-manifest _origin', 'read-manifest latest', `read-manifest sha256-${'a'.repeat(64)}.sig`]);
    expect(requestsOf(view)).toEqual(['list-page']);
    expect(second).toBe(first);
    expect(log.messages).toEqual([]);
  });
});

describe('a version in the place of something that was not ours', () => {
  it.each(['publish', 'ingest'] as const)('is seen after %s', async (how) => {
    const registry = new MemoryRegistry({ createOnly: true });
    const repository = registry.repository(REF.repository);
    await put(repository, '1.0.0');
    const ledger = new Ledger({ registry, clock });
    await ledger.fold(REF);
    await (repository as unknown as TagDeleter).deleteTag('1.0.0');

    await (how === 'publish' ? ledger.publish(REF, newFact('1.0.0'), { by: 'alice' }) : ledger.ingest(REF, newFact('1.0.0')));

    expect((await ledger.fold(REF)).facts.has('1.0.0')).toBe(true);
  });
});

describe('wrong data in storage', () => {
  it.each([
    ['an event that is none', '_e.0000000009.0123456789abcdef', rawManifest({ artifactType: LEDGER_TYPES.event })],
    ['an origin that is none', '_origin', rawManifest({ artifactType: LEDGER_TYPES.origin, annotations: { 'io.oci-package-proxy.origin': '__proto__' } })],
    ['a version that bears our name and is none', '9.9.9', rawManifest({ artifactType: 'application/vnd.oci-package-proxy.test.v1' })],
    ['annotations that are none', '9.9.9', rawManifest({ artifactType: 'application/vnd.oci-package-proxy.test.v1', annotations: { a: 1 } })],
    ['layers that are none', '9.9.9', rawManifest({ artifactType: 'application/vnd.oci-package-proxy.test.v1', layers: 'x' })],
    ['bytes that are no JSON', '9.9.9', rawBytes('application/vnd.oci-package-proxy.')],
  ])('%s is ignored, said, and not read again', async (_what, tag, manifest) => {
    const registry = new MemoryRegistry();
    await new Ledger({ registry, clock }).record(REF, [{ key: 'a', value: 1 }], { by: 'alice' });
    const log = keptLog();
    const before = await new Ledger({ registry, clock }).fold(REF);
    await put(registry.repository(REF.repository), tag);
    const reads: string[] = [];
    const reader = new Ledger({ registry: registryOf(registry, (repository) => ({
      readManifest: async (reference) => {
        reads.push(reference);
        return reference === tag ? manifest : repository.readManifest(reference);
      },
    })), clock, logger: log });

    const fold = await reader.fold(REF);
    await reader.fold(REF, { fresh: true });

    expect(fold).toEqual(before);
    expect(reads.filter((reference) => reference === tag)).toHaveLength(1);
    expect(log.messages).toEqual(['a tag does not hold what it must; it is ignored']);
  });

  it('skips a tag that is listed and cannot be read, and sees it once it can', async () => {
    const registry = await filled(['1.0.0', '1.0.1']);
    let lost = true;
    const { ledger, log } = readerOf(registry);
    const flaky = registryOf(registry, (repository) => ({
      readManifest: async (reference) => (lost && reference === '1.0.0' ? null : repository.readManifest(reference)),
    }));
    const reader = new Ledger({ registry: flaky, clock, logger: log });

    const without = await reader.fold(REF);
    lost = false;
    const whole = await reader.fold(REF, { fresh: true });

    expect([...without.facts.keys()]).toEqual(['1.0.1']);
    expect(log.messages).toEqual(['a listed tag cannot be read']);
    expect(whole).toEqual(await ledger.fold(REF));
  });

  it('passes on that storage cannot be asked', async () => {
    const registry = await filled(['1.0.0']);
    let failing = '1.0.0';
    const { ledger } = readerOf(registry, { before: ({ reference, kind }) => failIf(reference === failing || kind === failing) });

    await expect(ledger.fold(REF)).rejects.toMatchObject({ code: 'storage-unavailable' });
    failing = 'list-page';
    await expect(ledger.fold(REF)).rejects.toMatchObject({ code: 'storage-unavailable' });
    failing = '';
    expect((await ledger.fold(REF)).facts.size).toBe(1);
  });
});

describe('the life of a list', () => {
  it.each([
    { how: 'publish' as const, connected: true, lives: 30 * SECOND },
    { how: 'publish' as const, connected: false, lives: 2 * SECOND },
    { how: 'ingest' as const, connected: true, lives: 600 * SECOND },
    { how: 'ingest' as const, connected: false, lives: 600 * SECOND },
  ])('$how, connected $connected: $lives ms', async ({ how, connected, lives }) => {
    const { view, ledger } = readerOf(await filled(['1.0.0'], how));
    ledger.invalidateAll({ connected });
    await ledger.fold(REF);
    requestsOf(view);

    now += lives - 1;
    await ledger.fold(REF);
    const within = requestsOf(view);
    now += 1;
    await ledger.fold(REF);

    expect(within).toEqual([]);
    expect(requestsOf(view)).toEqual(['list-page']);
  });

  it('is 30 s for a package that nobody decided on', async () => {
    const { view, ledger } = readerOf(new MemoryRegistry());
    await ledger.fold(REF);
    now += 29 * SECOND;
    await ledger.fold(REF);
    expect(requestsOf(view)).toEqual(['list-page']);

    now += SECOND;
    await ledger.fold(REF);

    expect(requestsOf(view)).toEqual(['list-page']);
  });

  it('is long again once connected', async () => {
    const { view, ledger } = readerOf(await filled(['1.0.0'], 'publish'));
    ledger.invalidateAll({ connected: false });
    ledger.invalidateAll({ connected: true });
    await ledger.fold(REF);
    requestsOf(view);

    now += 29 * SECOND;
    await ledger.fold(REF);

    expect(requestsOf(view)).toEqual([]);
  });

  it.each([
    ['invalidate', (ledger: Ledger): void => ledger.invalidate(REF)],
    ['invalidateAll', (ledger: Ledger): void => ledger.invalidateAll({ connected: true })],
  ])('ends with %s', async (_name, drop) => {
    const registry = await filled(['1.0.0']);
    const { ledger } = readerOf(registry);
    await ledger.fold(REF);
    await new Ledger({ registry, clock }).ingest(REF, newFact('2.0.0'));

    const before = await ledger.fold(REF);
    drop(ledger);
    const after = await ledger.fold(REF);

    expect([before.facts.size, after.facts.size]).toEqual([1, 2]);
  });
});

describe('folds of one package at once', () => {
  it('share one list', async () => {
    const { view, ledger } = readerOf(await filled(['1.0.0']));

    const folds = await Promise.all([ledger.fold(REF), ledger.fold(REF), ledger.fold(REF, { fresh: true }), ledger.fold(REF, { fresh: true })]);

    expect(new Set(folds).size).toBe(1);
    expect(requestsOf(view).filter((request) => request === 'list-page')).toHaveLength(1);
  });

  it.each([
    ['a change', (ledger: Ledger) => { ledger.invalidate(REF); return ledger.fold(REF); }],
    ['a change of everything', (ledger: Ledger) => { ledger.invalidateAll({ connected: true }); return ledger.fold(REF); }],
    ['asking for a fresh one', (ledger: Ledger) => ledger.fold(REF, { fresh: true })],
  ])('never answer from a list that had begun before %s', async (_what, ask) => {
    const registry = await filled(['1.0.0']);
    const held = Promise.withResolvers<void>();
    let pages = 0;
    const { view, ledger } = readerOf(registry, { after: async ({ kind }) => {
      pages += kind === 'list-page' ? 1 : 0;
      await (kind === 'list-page' && pages === 1 ? held.promise : undefined);
    } });
    const early = ledger.fold(REF);
    await new Promise(setImmediate);
    await new Ledger({ registry, clock }).ingest(REF, newFact('2.0.0'));

    const late = [ask(ledger), ask(ledger), ask(ledger)];
    held.resolve();

    expect((await early).facts.size).toBe(1);
    expect((await Promise.all(late)).map(({ facts }) => facts.size)).toEqual([2, 2, 2]);
    expect(requestsOf(view).filter((request) => request === 'list-page')).toHaveLength(2);
    expect((await ledger.fold(REF)).facts.size).toBe(2);
  });

  it('never answer from a list during which the package changed', async () => {
    const registry = await filled(['1.0.0']);
    const held = Promise.withResolvers<void>();
    const { ledger } = readerOf(registry, { after: async ({ kind }) => (kind === 'list-page' ? held.promise : undefined) });
    const early = ledger.fold(REF);
    await new Promise(setImmediate);
    await new Ledger({ registry, clock }).ingest(REF, newFact('2.0.0'));
    ledger.invalidate(REF);
    held.resolve();

    expect((await early).facts.size).toBe(1);
    expect((await ledger.fold(REF)).facts.size).toBe(2);
  });

  it('do not end when one of those who wait goes away', async () => {
    const held = Promise.withResolvers<void>();
    const { ledger } = readerOf(await filled(['1.0.0']), { before: async () => held.promise });
    const abort = new AbortController();
    const gone = ledger.fold(REF, { signal: abort.signal });
    const staying = ledger.fold(REF);

    abort.abort();

    await expect(gone).rejects.toMatchObject({ code: 'aborted' });
    held.resolve();
    expect((await staying).facts.size).toBe(1);
  });
});

describe('memory', () => {
  it('keeps no more folds than it may', async () => {
    const registry = new MemoryRegistry({ createOnly: true });
    const writer = new Ledger({ registry, clock });
    const refs = ['a', 'b', 'c'].map((name) => ({ ecosystem: 'test', name, repository: `test/${name}` }));
    for (const ref of refs) {
      await writer.ingest(ref, newFact('1.0.0', { document: JSON.stringify('x'.repeat(10_000)) }));
    }
    const view = registry.view({ actor: 'reader' });
    const ledger = new Ledger({ registry: view, clock, foldBytes: 40_000 });
    for (const ref of refs) {
      await ledger.fold(ref);
    }
    requestsOf(view);

    await ledger.fold(refs[2]!);
    const kept = requestsOf(view);
    await ledger.fold(refs[0]!);

    expect(kept).toEqual([]);
    expect(requestsOf(view)).not.toEqual([]);
  });
});

describe('two replicas', () => {
  it('see what the other wrote', async () => {
    const registry = new MemoryRegistry();
    const [one, two] = [new Ledger({ registry: registry.view({ actor: 'one' }), clock }), new Ledger({ registry: registry.view({ actor: 'two' }), clock })];
    await Promise.all([one.fold(REF), two.fold(REF)]);

    await one.publish(REF, newFact('1.0.0'), { by: 'alice' });
    await two.record(REF, [{ key: 'a', value: 1 }], { by: 'bob' });
    one.invalidate(REF);

    expect(await one.fold(REF)).toEqual(await two.fold(REF, { fresh: true }));
    expect((await two.fold(REF)).values.get('a')?.value).toBe(1);
    await one.delete(REF, ['1.0.0'], { by: 'alice' });
    two.invalidate(REF);
    expect((await two.fold(REF)).deletedTags.has(deletionTag('1.0.0'))).toBe(true);
  });
});
