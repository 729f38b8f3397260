import { repositoryName } from '@oci-package-proxy/mapping';
import { bufferBlob, digestOf, type Registry } from '@oci-package-proxy/oci';
import { Ledger, MEDIA_TYPE_PREFIX, type NewFact, type PackageRef } from '@oci-package-proxy/storage';

import type { PackageLocator } from './holding.ts';

const BY = { by: 'alice' };

/** Packages of one ecosystem that does not exist, each in a repository of its name; the system's own are records. */
export const LOCATOR: PackageLocator = {
  ecosystems: ['test', 'system'],
  refsOf: (ecosystem, name) => [refTo(name, ecosystem)],
};

/** A package of {@link LOCATOR}. */
export function refTo(name: string, ecosystem = 'test'): PackageRef {
  return { ecosystem, name, repository: repositoryName([ecosystem, ...name.split('/')]) };
}

/** A version with one file. */
export function sampleFact(version: string, changes: Partial<NewFact> & { readonly content?: string } = {}): NewFact {
  const { content = `file of ${version}`, ...rest } = changes;
  return {
    tag: version,
    version,
    artifactType: `${MEDIA_TYPE_PREFIX}test.v1`,
    document: JSON.stringify({ version }),
    documentMediaType: `${MEDIA_TYPE_PREFIX}test.v1+json`,
    layers: [{ mediaType: 'application/octet-stream', source: bufferBlob(Buffer.from(content)) }],
    payload: digestOf(content),
    at: '2026-01-02T03:04:05.000Z',
    ...rest,
  };
}

/** The same, stored as an index with a child for another reader, and under a further tag. */
export function indexedFact(version: string): NewFact {
  const child = { artifactType: 'application/vnd.example.target', layers: [{ mediaType: 'archive/zip', source: bufferBlob(Buffer.from(`archive of ${version}`)) }], platform: { os: 'linux', architecture: 'amd64' } };
  return sampleFact(version, { index: { artifactType: 'application/vnd.example.index', children: [child] }, aliases: [`v${version}`] });
}

/**
 * Fills a store with all that the ledger writes: a published package with an index, an event and a deletion; one that is pulled
 * through with its derived index and the state of upstream; a record of the system; and, where there are `many` versions, a snapshot.
 */
export async function fillStore(registry: Registry, { many = 9 }: { readonly many?: number } = {}): Promise<void> {
  const ledger = new Ledger({ registry, random: () => 0.5 });
  const published = refTo('acme/left-pad');
  await ledger.publish(published, indexedFact('1.0.0'), BY);
  await ledger.publish(published, sampleFact('1.1.0', { assign: { latest: '1.1.0' } }), BY);
  await ledger.publish(published, sampleFact('1.2.0'), BY);
  await ledger.record(published, [{ key: 'deprecated:1.0.0', value: 'use 1.1.0' }], BY);
  await ledger.delete(published, ['1.2.0'], BY);
  const pulled = refTo('pulled');
  await ledger.ingest(pulled, sampleFact('2.0.0', { tag: '_p.linux.2.0.0' }));
  await ledger.writeDerived(pulled, ({ facts }) => [{ tag: '2.0.0', artifactType: 'application/vnd.example.index', entries: [...facts.keys()].map((fact) => ({ fact })) }]);
  await ledger.writeUpstreamState(pulled, { latest: '2.0.0' });
  await ledger.publish(refTo('tokens', 'system'), sampleFact('one'), BY);
  for (let version = 0; version < many; version += 1) {
    await ledger.publish(refTo('many'), sampleFact(`0.${version}.0`), BY);
  }
  if (many > 8) {
    await ledger.refreshSnapshot(refTo('many'));
  }
}
