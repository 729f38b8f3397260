import { fileTag, repositoryName } from '@oci-package-proxy/mapping';
import { type Descriptor, fileBlob } from '@oci-package-proxy/oci';
import { type Fact, type JsonValue, MEDIA_TYPE_PREFIX, type NewFact, type PackageRef } from '@oci-package-proxy/storage';

import { ECOSYSTEM, type ProviderAddress } from '../model/address.ts';
import { slotOf } from './release-name.ts';
import type { ReleaseFile } from './release-files.ts';

const TYPE = `${MEDIA_TYPE_PREFIX}terraform.staged.v1`;
const DOCUMENT = `${MEDIA_TYPE_PREFIX}terraform.staged.document.v1+json`;
const FILE = 'application/octet-stream';

/** An upload in several requests that was begun. */
export interface StagedSession {
  readonly id: string;
  readonly version: string;
}

/** A file of it, as storage has it. */
export interface StagedFile {
  readonly filename: string;
  readonly layer: Descriptor;
}

/**
 * Where the unpublished files of a provider are kept. It is no provider's repository, and a record of the system's own, so that
 * nothing which reads or lists providers ever looks there.
 */
export function stagedRef({ host, namespace, type }: ProviderAddress): PackageRef {
  const parts = [ECOSYSTEM, 'staged', host, namespace, type];
  return { ecosystem: 'system', name: parts.join('/'), repository: repositoryName(parts) };
}

/** The tag that says that a session was begun. */
export function sessionTag(id: string): string {
  return fileTag(id);
}

/** The fact of a session. @param at ISO 8601. */
export function sessionFact({ id, version }: StagedSession, at: string): NewFact {
  return { ...factOf(sessionTag(id), { id, version }), payload: id, version: id, layers: [], at };
}

/** The session in a fact; null for a file. */
export function sessionOf(fact: Pick<Fact, 'document'>): StagedSession | null {
  const { id, version } = JSON.parse(fact.document) as Partial<StagedSession>;
  return id === undefined || version === undefined ? null : { id, version };
}

/** The fact of a staged file: one for each part of a release. @param at ISO 8601. */
export function stagedFileFact(id: string, { name, path, size, sha256 }: ReleaseFile, at: string): NewFact {
  const part = `${id}/${slotOf(name)}`;
  const source = fileBlob(path, `sha256:${sha256}`, size);
  return { ...factOf(fileTag(part), { filename: name.filename }), version: part, layers: [{ mediaType: FILE, source }], payload: source.digest, at };
}

/** The file in a fact of a session; null for the session itself, and for those of another one. */
export function stagedFileOf(id: string, fact: Pick<Fact, 'version' | 'document' | 'layers'>): StagedFile | null {
  const { filename } = JSON.parse(fact.document) as { readonly filename?: string };
  const [layer] = fact.layers;
  return fact.version.startsWith(`${id}/`) && filename !== undefined && layer !== undefined ? { filename, layer } : null;
}

function factOf(tag: string, document: JsonValue): Pick<NewFact, 'tag' | 'artifactType' | 'document' | 'documentMediaType'> {
  return { tag, artifactType: TYPE, document: JSON.stringify(document), documentMediaType: DOCUMENT };
}
