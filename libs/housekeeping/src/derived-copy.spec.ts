import { type Digest, digestOf, MemoryRegistry, parseManifest } from '@oci-package-proxy/oci';
import { Ledger, SNAPSHOT_TAG } from '@oci-package-proxy/storage';
import { beforeEach, describe, expect, it } from 'vitest';

import { copy, type CopyReport } from './copying.ts';
import { LOCATOR, refTo, sampleFact } from './sample-store.contract.ts';

const BY = { by: 'bob' };
const INDEX = 'application/vnd.example.index';

let source: MemoryRegistry;
let target: MemoryRegistry;

beforeEach(() => {
  source = new MemoryRegistry();
  target = new MemoryRegistry();
});

function copyAll(): Promise<CopyReport> {
  return copy({ source, target, locator: LOCATOR, scope: { kind: 'all' }, exclusive: false });
}

describe('a snapshot', () => {
  async function publishMany(registry: MemoryRegistry, content: string): Promise<void> {
    const ledger = new Ledger({ registry });
    for (let version = 0; version < 10; version += 1) {
      await ledger.publish(refTo('many'), sampleFact(`0.${version}.0`, version === 3 ? { content } : {}), BY);
    }
    await ledger.refreshSnapshot(refTo('many'));
  }

  it('never tells a target of bytes that it does not have', async () => {
    await new Ledger({ registry: target }).publish(refTo('many'), sampleFact('0.3.0', { content: 'theirs' }), BY);
    await publishMany(source, 'ours');

    const report = await copyAll();

    expect(report.problems).toEqual([expect.objectContaining({ tag: '0.3.0', problem: 'conflict' })]);
    expect(report.hidden).toBe(1);
    const { facts } = await new Ledger({ registry: target }).fold(refTo('many'));
    expect([facts.size, facts.get('0.3.0')?.payload]).toEqual([10, digestOf('theirs')]);
  });

  it('comes along where the target has the same', async () => {
    await publishMany(source, 'ours');

    await copyAll();

    expect(await target.repository('test/many').statManifest(SNAPSHOT_TAG)).toBe(await source.repository('test/many').statManifest(SNAPSHOT_TAG));
  });
});

describe('an index that is made of versions', () => {
  const ref = refTo('pulled');

  async function ingest(registry: MemoryRegistry, ...platforms: readonly string[]): Promise<void> {
    const ledger = new Ledger({ registry });
    for (const platform of platforms) {
      await ledger.ingest(ref, sampleFact('2.0.0', { tag: `_p.${platform}.2.0.0`, content: platform }));
    }
    await derive(registry);
  }

  async function derive(registry: MemoryRegistry): Promise<void> {
    await new Ledger({ registry }).writeDerived(ref, ({ facts }) => [{ tag: '2.0.0', artifactType: INDEX, entries: [...facts.keys()].map((fact) => ({ fact })) }]);
  }

  async function childrenAt(registry: MemoryRegistry): Promise<readonly Digest[]> {
    const stored = await registry.repository(ref.repository).readManifest('2.0.0');
    const index = stored === null ? null : parseManifest(stored);
    return index !== null && 'manifests' in index ? index.manifests.map(({ digest }) => digest) : [];
  }

  async function digestsAt(registry: MemoryRegistry, ...platforms: readonly string[]): Promise<readonly (Digest | null)[]> {
    return Promise.all(platforms.map((platform) => registry.repository(ref.repository).statManifest(`_p.${platform}.2.0.0`)));
  }

  it('brings no version back that was deleted at the target', async () => {
    await ingest(source, 'linux', 'darwin');
    await ingest(target, 'linux', 'darwin');
    await new Ledger({ registry: target }).delete(ref, ['_p.darwin.2.0.0'], BY);
    await derive(target);
    const evil = (await digestsAt(source, 'darwin'))[0];

    const report = await copyAll();

    expect(report.problems).toEqual([]);
    expect(await childrenAt(target)).toEqual(await digestsAt(target, 'linux'));
    expect(await childrenAt(source)).toContain(evil);
  });

  it('takes no version away that the target alone has', async () => {
    await ingest(source, 'linux');
    await ingest(target, 'linux', 'darwin');

    const report = await copyAll();

    expect(report.problems).toEqual([]);
    expect((await childrenAt(target)).toSorted()).toEqual((await digestsAt(target, 'linux', 'darwin')).toSorted());
  });

  it('loses what was deleted at the source', async () => {
    await ingest(source, 'linux', 'darwin');
    await copyAll();
    await new Ledger({ registry: source }).delete(ref, ['_p.darwin.2.0.0'], BY);
    await derive(source);

    await copyAll();

    expect(await childrenAt(target)).toEqual(await digestsAt(target, 'linux'));
  });
});

describe('a package that comes from elsewhere at the target', () => {
  it.each([['published there', true], ['pulled through there', false]])('is left alone: %s', async (_where, publishedThere) => {
    const [publishing, ingesting] = publishedThere ? [target, source] : [source, target];
    await new Ledger({ registry: publishing }).publish(refTo('billing'), sampleFact('1.0.0', { content: 'private' }), BY);
    await new Ledger({ registry: ingesting }).ingest(refTo('billing'), sampleFact('9.9.9', { content: 'public' }));
    const before = await new Ledger({ registry: target }).fold(refTo('billing'));

    const report = await copyAll();

    expect(report.problems).toEqual([expect.objectContaining({ tag: '_origin', problem: 'conflict', message: expect.stringMatching(/nothing of it was copied/) as string })]);
    expect((await new Ledger({ registry: target }).fold(refTo('billing'))).revision).toBe(before.revision);
  });
});

it('puts nothing over a version that a worker of the target stored meanwhile', async () => {
  await new Ledger({ registry: source }).ingest(refTo('pulled'), sampleFact('1.0.0', { content: 'ours' }));
  let stored = false;
  const racing = target.view({
    gate: {
      before: async ({ kind, reference }) => {
        if (kind === 'write-blob' && reference === digestOf('ours') && !stored) {
          stored = true;
          await new Ledger({ registry: target }).ingest(refTo('pulled'), sampleFact('1.0.0', { content: 'theirs' }));
        }
      },
    },
  });

  const report = await copy({ source, target: racing, locator: LOCATOR, scope: { kind: 'names', names: [{ ecosystem: 'test', name: 'pulled' }] }, exclusive: false });

  expect(report.problems).toEqual([expect.objectContaining({ tag: '1.0.0', problem: 'conflict' })]);
  expect((await new Ledger({ registry: target }).fact(refTo('pulled'), '1.0.0'))?.payload).toBe(digestOf('theirs'));
});

it.each([
  ['newer', '2026-01-02T00:00:00.000Z', { yanked: 'at the target' }],
  ['older', '2025-12-31T00:00:00.000Z', { yanked: 'at the source' }],
])('the last state of an upstream that is %s at the target gives way to none that is older', async (_label, at, expected) => {
  const ref = refTo('pulled');
  for (const [registry, time, where] of [[source, '2026-01-01T00:00:00.000Z', 'source'], [target, at, 'target']] as const) {
    const ledger = new Ledger({ registry, clock: () => Date.parse(time) });
    await ledger.ingest(ref, sampleFact('1.0.0'));
    await ledger.writeUpstreamState(ref, { yanked: `at the ${where}` });
  }

  await copyAll();

  expect(await new Ledger({ registry: target }).upstreamState(ref)).toEqual(expected);
});
