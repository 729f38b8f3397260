import { fileTag } from '@oci-package-proxy/mapping';
import { EMPTY_FOLD, type Fact, type Fold, Ledger } from '@oci-package-proxy/storage';
import { MemoryRegistry } from '@oci-package-proxy/oci';
import fc from 'fast-check';
import { expect, it } from 'vitest';

import { mainRef } from '../model/holdings.ts';
import type { ProjectFile, ProjectStatus, UpstreamFile } from '../model/project-page.ts';
import { encodeFileDocument, PYPI_TYPES } from '../model/pypi-fact.ts';
import { combinedPage } from './project-part.ts';
import { overlaidPage } from './upstream-overlay.ts';

const NAMES = ['a-1.0.tar.gz', 'a-1.0-py3-none-any.whl', 'a-1.tar.gz', 'a-2.0.tar.gz', 'strange', 'a-1.0+x.tar.gz'];
const Names = fc.uniqueArray(fc.constantFrom(...NAMES));
const Status = fc.option(fc.record<ProjectStatus>({ status: fc.constantFrom('active', 'archived', 'quarantined', 'deprecated'), reason: fc.option(fc.string()) }));

function listed(filename: string): UpstreamFile {
  const version = /^a-([^-]+?)(?:\.tar\.gz|-py3.*)$/.exec(filename)?.[1] ?? null;
  return { filename, version, hashes: { sha256: '1'.repeat(64) }, size: 1, uploadTime: null, requiresPython: null, yanked: null, metadataSha256: null, hasProvenance: false, gpgSignature: true, url: `https://files.example.com/${filename}`, provenanceUrl: null };
}

function foldOf(filenames: readonly string[], deletedTags: ReadonlySet<string>, sha256 = '2'.repeat(64)): Fold {
  const facts = filenames.map((filename): [string, Fact] => {
    const document = encodeFileDocument({ filename, name: 'a', version: null, hashes: { sha256 }, size: 1, requiresPython: null, uploadTime: null, metadataSha256: null });
    return [fileTag(filename), { tag: fileTag(filename), document, layers: [{ mediaType: PYPI_TYPES.sdist, digest: `sha256:${sha256}`, size: 1 }], origin: 'published', at: '' } as unknown as Fact];
  });
  return { ...EMPTY_FOLD, facts: new Map(facts), deletedTags };
}

/** What the ledger itself makes of the deletion of some files. */
async function deletionsOf(filenames: readonly string[]): Promise<ReadonlySet<string>> {
  const ledger = new Ledger({ registry: new MemoryRegistry() });
  await ledger.delete(mainRef('a'), filenames.map(fileTag), { by: 'spec' });
  return (await ledger.fold(mainRef('a'), { fresh: true })).deletedTags;
}

it('shows every file once, ours before upstream, nothing that was deleted, and a version of every file', async () => {
  await fc.assert(
    fc.asyncProperty(fc.record({ ours: Names, gone: Names, theirs: Names, held: Names, hidden: Names, status: Status }), async ({ ours, gone, theirs, held, hidden, status }) => {
      const left = ours.filter((name) => !gone.includes(name));
      const places = ours.length === 0 ? [] : [{ ref: mainRef('a'), fold: foldOf(left, await deletionsOf(gone)) }];
      const { part } = overlaidPage({ name: 'a', status, versions: [], files: theirs.map(listed) }, foldOf(held.filter((name) => !hidden.includes(name)), await deletionsOf(hidden)));

      const page = combinedPage('a', places, part);
      const shown = page?.files.map(({ filename }) => filename) ?? [];

      const upstreams = status?.status === 'quarantined' ? [] : theirs.filter((name) => !hidden.includes(name) && !left.includes(name) && !(ours.length > 0 && gone.includes(name)));
      expect(shown).toEqual([...left, ...upstreams]);
      expect(page?.files.every((file) => isOurs(file, left, held))).toBe(true);
      expect(page?.files.some((file) => 'url' in file || file.gpgSignature !== null)).toBe(false);
      const versions = new Set(page?.versions.map((version) => version.replace(/^1$/, '1.0')));
      expect(page?.versions).toHaveLength(versions.size);
      expect(page?.files.every(({ version }) => version === null || versions.has(version.replace(/^1$/, '1.0')))).toBe(true);
    }),
    { numRuns: 60 },
  );
});

/** Stored files keep their own bytes. */
function isOurs({ filename, hashes }: ProjectFile, left: readonly string[], held: readonly string[]): boolean {
  const stored = left.includes(filename) || held.includes(filename);
  return hashes['sha256'] === (stored ? '2' : '1').repeat(64);
}
