import { createHash } from 'node:crypto';

import { type Form, inForm } from './forms.ts';
import { isObject, type JsonObject, member, type Packument, parsePackument, textMember } from './packument.ts';
import { type PackumentIndex, packumentIndex } from './packument-index.ts';
import { type StoredPackage, storedPackument } from './stored-packument.ts';
import { type Overlay, upstreamPackument } from './upstream-packument.ts';

/** Where a document comes from: JSON of upstream's, or what is stored. */
export type DocumentSource =
  | { readonly kind: 'upstream'; readonly name: string; readonly bytes: Uint8Array; readonly overlay: Overlay }
  | { readonly kind: 'stored'; readonly package: StoredPackage };

/** Work on whole packuments, which takes long for large ones. Plain data, so that a worker thread can do it. */
export type DocumentTask =
  | { readonly kind: 'render'; readonly source: DocumentSource; readonly form: Form; readonly base: string }
  | { readonly kind: 'index'; readonly name: string; readonly bytes: Uint8Array }
  | { readonly kind: 'version'; readonly name: string; readonly bytes: Uint8Array; readonly version: string }
  | { readonly kind: 'state'; readonly name: string; readonly bytes: Uint8Array };

/** A rendered document. */
export interface RenderedDocument {
  readonly bytes: Uint8Array;
  /** Of the bytes; 32 hex digits. */
  readonly revision: string;
}

/** What comes out of each task. `null`: upstream's bytes are no packument, or have no such version. */
export interface DocumentResults {
  readonly render: { readonly document: RenderedDocument | null; readonly index: PackumentIndex | null } | null;
  readonly index: PackumentIndex | null;
  /** One manifest as upstream has it, and its time. */
  readonly version: { readonly manifest: JsonObject; readonly at: string | null } | null;
  /** What of upstream's document changes: JSON for the ledger. */
  readonly state: JsonObject | null;
}

/** Does a task. Pure. */
export function runTask<T extends DocumentTask>(task: T): DocumentResults[T['kind']] {
  const run = task as DocumentTask;
  return taskResult(run) as DocumentResults[T['kind']];
}

function taskResult(task: DocumentTask): DocumentResults[DocumentTask['kind']] {
  if (task.kind === 'render') {
    return render(task.source, task.form, task.base);
  }
  const packument = parsePackument(textOf(task.bytes), task.name);
  if (packument === null) {
    return null;
  }
  switch (task.kind) {
    case 'index':
      return packumentIndex(packument);
    case 'version':
      return versionOf(packument, task.version);
    case 'state':
      return stateOf(packument);
  }
}

function render(source: DocumentSource, form: Form, base: string): DocumentResults['render'] {
  if (source.kind === 'stored') {
    return { document: encoded(inForm(storedPackument(source.package, base), form)), index: null };
  }
  const packument = parsePackument(textOf(source.bytes), source.name);
  if (packument === null) {
    return null;
  }
  return { document: encoded(inForm(upstreamPackument(packument, base, source.overlay), form)), index: packumentIndex(packument) };
}

function encoded(value: unknown): RenderedDocument | null {
  if (value === null) {
    return null;
  }
  const bytes = Buffer.from(JSON.stringify(value), 'utf8');
  return { bytes, revision: createHash('sha256').update(bytes).digest('hex').slice(0, 32) };
}

function versionOf({ versions, time }: Packument, version: string): DocumentResults['version'] {
  const manifest = versions.get(version);
  return manifest === undefined ? null : { manifest, at: time.get(version) ?? time.get('created') ?? null };
}

function stateOf({ distTags, versions, time }: Packument): JsonObject {
  const deprecated = [...versions].map(([version, manifest]) => [version, textMember(manifest, 'deprecated') ?? ''] as const).filter(([, text]) => text !== '');
  const times = [...time].filter(([key]) => versions.has(key));
  return { distTags: Object.fromEntries(distTags), deprecated: Object.fromEntries(deprecated), time: Object.fromEntries(times), modified: time.get('modified') ?? '', status: 'active' };
}

/** The dist-tags, deprecations and times in a state that a `state` task made; empty for what is none. */
export function upstreamStateOf(state: unknown): { readonly distTags: ReadonlyMap<string, string>; readonly deprecated: ReadonlyMap<string, string>; readonly modified: string } {
  const object = isObject(state) ? state : {};
  return { distTags: textMap(member(object, 'distTags')), deprecated: textMap(member(object, 'deprecated')), modified: textMember(object, 'modified') ?? '' };
}

function textMap(value: unknown): Map<string, string> {
  const entries = isObject(value) ? Object.entries(value) : [];
  return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
