import type { LedgerReader, Fold, PackageRef } from '@oci-package-proxy/storage';

import { repairedDistTags } from '../documents/latest.ts';
import { upstreamStateOf } from '../documents/document-task.ts';
import type { StoredPackage, StoredVersion } from '../documents/stored-packument.ts';
import { fileNameOf, readmeLayer } from '../npm-fact.ts';
import { deprecationKey, distTagsOf } from '../publish/published-values.ts';

const MAX_README_BYTES = 1024 * 1024;

/** The package in a fold of what is published here. */
export function publishedPackage(name: string, fold: Fold): StoredPackage {
  const deprecated = (version: string): string | null => {
    const text = fold.values.get(deprecationKey(version))?.value;
    return typeof text === 'string' && text !== '' ? text : null;
  };
  return { ...common(name, fold, deprecated), distTags: [...distTagsOf(fold)], modified: fold.modified };
}

/** The package in a fold of what was pulled through, with what upstream said last laid over. */
export function heldPackage(name: string, fold: Fold, state: unknown): StoredPackage {
  const { distTags, deprecated, modified } = upstreamStateOf(state);
  return { ...common(name, fold, (version) => deprecated.get(version) ?? null), distTags: [...distTags], modified: modified === '' ? fold.modified : modified };
}

function common(name: string, fold: Fold, deprecated: (version: string) => string | null): Omit<StoredPackage, 'distTags' | 'modified'> {
  const versions: StoredVersion[] = [...fold.facts.values()].map((fact) => ({
    version: fact.version,
    document: fact.document,
    file: fileNameOf(name, fact),
    at: fact.at,
    deprecated: deprecated(fact.version),
  }));
  return { name, versions: versions.toSorted((left, right) => left.at.localeCompare(right.at)), readme: '', revision: fold.revision };
}

/** The README of the latest version; empty for none. @throws ProxyError as the ledger does. */
export async function latestReadme(ledger: Pick<LedgerReader, 'open'>, ref: PackageRef, stored: { readonly package: StoredPackage; readonly fold: Fold }): Promise<string> {
  const latest = repairedDistTags(new Map(stored.package.distTags), new Set(stored.package.versions.map(({ version }) => version))).get('latest');
  const fact = [...stored.fold.facts.values()].find(({ version }) => version === latest);
  const layer = fact === undefined ? null : readmeLayer(fact);
  if (layer === null || layer.size > MAX_README_BYTES) {
    return '';
  }
  const body = await ledger.open(ref, layer);
  if (body === null) {
    return '';
  }
  const chunks: Buffer[] = [];
  for await (const chunk of body.stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
