import { isDeepStrictEqual } from 'node:util';

import { ProxyError } from '@oci-package-proxy/errors';
import { type Change, type Fact, type Fold, isDeletedIn, type JsonValue } from '@oci-package-proxy/storage';

import type { PublishDocument, VersionManifest } from './publish-document.ts';
import { deprecationKey, factTag } from './published-values.ts';
import { quoted } from './version-name.ts';

const MAX_DEPRECATION_CHARACTERS = 4096;

// What a registry adds or puts in its own form when it shows a version, and what is changed by events.
const VOLATILE = new Set(['deprecated', 'dist', 'readme', 'readmeFilename', 'bin', 'hasInstallScript', 'maintainers', 'contributors', 'users', 'time']);

/** What the whole document of a package, sent back, asks for. */
export interface PackageEdit {
  /** Deprecations that were set, changed or taken back. */
  readonly changes: readonly Change[];
  /** Tags of the facts of the versions that were taken out. */
  readonly deletions: readonly string[];
}

/** What is edited, and how it was asked for. */
export interface EditSubject {
  readonly name: string;
  /** Read afresh for this very edit. */
  readonly state: Fold;
  /** The `-rev` of the URL, null for none: what the client saw. Only with it does a version that is left out count as taken out. */
  readonly revision: string | null;
}

/**
 * Compares the document of a package, as `npm deprecate` and `npm unpublish <version>` send it back, with what is stored. Only
 * `deprecated` may change and versions may go. A version that was published after the client had read the document is never
 * taken for one that it took out.
 * @throws ProxyError `not-found`; `forbidden` for packages of upstream; `invalid` for unknown and changed versions; `conflict`
 * when versions are left out of a document that is not the current one;
 * `integrity` for a document in storage that is none.
 */
export function packageEdit(document: PublishDocument, subject: EditSubject): PackageEdit {
  checkEditable(subject);
  const versions = document.versions ?? {};
  const changes: Change[] = [];
  for (const [version, manifest] of Object.entries(versions)) {
    checkUnchanged(manifest, storedVersion(version, subject));
    const change = deprecationChange(version, manifest, subject.state);
    if (change !== null) {
      changes.push(change);
    }
  }
  return { changes, deletions: deletionsIn(versions, subject, changes.length > 0) };
}

/** @throws ProxyError `not-found` when nothing is held, `forbidden` when what is held is upstream's. */
export function checkEditable({ name, state }: Pick<EditSubject, 'name' | 'state'>): void {
  if (state.origin === 'upstream') {
    throw new ProxyError('forbidden', `${name} is pulled through from upstream, and so its versions and tags cannot be changed here.`);
  }
  if (state.facts.size === 0) {
    throw new ProxyError('not-found', `${name} is not published here.`);
  }
}

function storedVersion(version: string, { name, state }: EditSubject): Fact {
  const tag = factTag(version);
  const fact = tag === null ? undefined : state.facts.get(tag);
  if (fact !== undefined) {
    return fact;
  }
  if (tag !== null && isDeletedIn(state, tag)) {
    throw new ProxyError('conflict', `${name} changed meanwhile: ${version} was unpublished. Try again.`);
  }
  throw new ProxyError('invalid', `${name} has no version ${quoted(version)}. To publish one, send its tarball with it.`);
}

function checkUnchanged(sent: VersionManifest, { version, document }: Fact): void {
  const stored = storedManifest(version, document);
  const dist = (stored['dist'] ?? {}) as Readonly<Record<string, JsonValue>>;
  const isSame =
    isSameOrLeftOut(sent.dist?.integrity, dist['integrity']) &&
    isSameOrLeftOut(sent.dist?.shasum, dist['shasum']) &&
    Object.entries(stored).every(([key, value]) => VOLATILE.has(key) || key.startsWith('_') || isSameOrLeftOut(sent[key], value));
  if (!isSame) {
    throw new ProxyError('invalid', `${version} is published already, and a version never changes: only "deprecated" may. Publish a new version instead.`);
  }
}

function storedManifest(version: string, document: string): Readonly<Record<string, JsonValue>> {
  try {
    return JSON.parse(document) as Readonly<Record<string, JsonValue>>;
  } catch (error) {
    throw new ProxyError('integrity', `Storage holds a document of ${version} that is no JSON, and so it cannot be changed.`, { cause: error });
  }
}

function isSameOrLeftOut(sent: unknown, stored: JsonValue | undefined): boolean {
  return sent === undefined || stored === undefined || isDeepStrictEqual(sent, stored);
}

function deprecationChange(version: string, manifest: VersionManifest, state: Fold): Change | null {
  // A version whose deprecation the document does not mention keeps it: who sent it may have read it before it was set.
  const sent = manifest['deprecated'];
  if (sent === undefined) {
    return null;
  }
  if (typeof sent !== 'string' && sent !== null && sent !== false) {
    throw new ProxyError('invalid', `The deprecation of ${version} must be a text; "" takes it back.`);
  }
  const text = typeof sent === 'string' && sent !== '' ? sent : null;
  if (text !== null && text.length > MAX_DEPRECATION_CHARACTERS) {
    throw new ProxyError('invalid', `The deprecation of ${version} is longer than ${MAX_DEPRECATION_CHARACTERS} characters.`);
  }
  const key = deprecationKey(version);
  return text === (state.values.get(key)?.value ?? null) ? null : { key, value: text };
}

function deletionsIn(sent: Readonly<Record<string, unknown>>, { name, state, revision }: EditSubject, changesOther: boolean): string[] {
  const missing = [...state.facts.values()].filter(({ version }) => !Object.hasOwn(sent, version));
  if (missing.length === 0 || (revision === null && changesOther)) {
    return [];
  }
  if (revision !== state.revision) {
    throw new ProxyError('conflict', `${name} changed since its document was read, and so nothing was unpublished. Try again.`);
  }
  if (missing.length === state.facts.size) {
    throw new ProxyError('invalid', `The document has no version of ${name} left. To unpublish all of it, use DELETE: npm unpublish ${name} --force.`);
  }
  return missing.map(({ tag }) => tag);
}
