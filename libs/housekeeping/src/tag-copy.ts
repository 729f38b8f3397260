import { setTimeout as pause } from 'node:timers/promises';

import { isProxyError, ProxyError } from '@oci-package-proxy/errors';
import { type Digest, digestOf, isTagCreator, type ManifestBytes, parseManifest, type Repository } from '@oci-package-proxy/oci';
import { ANNOTATIONS, decideTag, deletionTag, kindOf, SNAPSHOT_TAG } from '@oci-package-proxy/storage';

import type { ContentCopy } from './content-copy.ts';
import { type Arrived, derivedChoice, isDerived } from './derived-copy.ts';
import { tagsOf } from './repository-check.ts';
import type { SourceRepository } from './source-repository.ts';

/** A registry that writes a tag in two steps lists it before it can be read. In milliseconds. */
const READ_AGAIN_AFTER_MS = 300;
/** Kinds of tags that a snapshot covers. */
const COVERED: ReadonlySet<string> = new Set(['fact', 'event', 'deletion', 'origin']);

/**
 * How copying one tag ended. `hidden`: it was deleted, here or there, or is made of something that the target does not have.
 * `later`: it is made of other tags, and these come first. `conflict`: something else stands there, and stays.
 */
export type TagOutcome = 'copied' | 'present' | 'hidden' | 'later' | { readonly conflict: Digest };

/** From where to where tags go. */
export interface TagCopying {
  readonly source: SourceRepository;
  readonly target: Repository;
  /** As they were listed. */
  readonly sourceTags: ReadonlySet<string>;
  readonly targetTags: ReadonlySet<string>;
  readonly content: ContentCopy;
  readonly arrived: Arrived;
  /** Whether it is the turn of what is made of other tags. */
  readonly derived: boolean;
  /** Whether nobody else writes the target: then nothing has to be decided between rivals. */
  readonly exclusive: boolean;
  /** Whether what a tag leads to is looked at where the tag is there already. */
  readonly mend: boolean;
  readonly signal?: AbortSignal | undefined;
}

type Annotations = Readonly<Record<string, string>>;

/**
 * Copies one tag with all that it leads to. A tag that is written once is never replaced.
 * @throws ProxyError `integrity` for what the source does not have or cannot show rightly; what the stores throw.
 */
export async function copyTag(how: TagCopying, tag: string): Promise<TagOutcome> {
  const { source, target, signal } = how;
  if (isHidden(how, tag)) {
    return 'hidden';
  }
  // Two deletions of one version may differ, and say the same.
  const isDeleted = kindOf(tag) === 'deletion' && how.targetTags.has(tag);
  if (isDeleted && !how.mend) {
    return 'present';
  }
  const standing = how.targetTags.has(tag) ? await target.statManifest(tag, { signal }) : null;
  const isSame = standing !== null && (await source.statManifest(tag, { signal })) === standing;
  if (isSame) {
    how.arrived.manifests.add(standing);
    await (how.mend ? mend(how, tag) : undefined);
  }
  if (isDeleted || isSame) {
    return 'present';
  }
  const manifest = await readTag(how, tag);
  if (manifest === null) {
    return 'hidden';
  }
  const parsed = parseManifest(manifest);
  const annotations = parsed.annotations ?? {};
  if (isHidden(how, annotations[ANNOTATIONS.tag] ?? tag)) {
    return 'hidden';
  }
  if (isDerived(tag, parsed)) {
    return how.derived ? copyDerived(how, { tag, manifest, standing }) : 'later';
  }
  return standing === null || standing === manifest.digest ? write(how, { tag, manifest, annotations }) : { conflict: standing };
}

/** Copies again what the target has lost of a tag that it still has. */
async function mend(how: TagCopying, tag: string): Promise<void> {
  const { target, signal } = how;
  const manifest = await readTag(how, tag);
  if (manifest === null) {
    return;
  }
  await how.content.references(manifest);
  if ((await target.readManifest(manifest.digest, { signal })) === null) {
    await target.writeManifest(manifest, { signal });
  }
}

async function copyDerived(how: TagCopying, { tag, manifest, standing }: { readonly tag: string; readonly manifest: ManifestBytes; readonly standing: Digest | null }): Promise<TagOutcome> {
  const { target, arrived, signal } = how;
  if (tag === SNAPSHOT_TAG && (await hasGrown(how))) {
    return 'hidden';
  }
  switch (await derivedChoice({ target, arrived, tag, manifest, standing, signal })) {
    case 'unfit':
      return 'hidden';
    case 'keep':
      return 'present';
    case 'conflict':
      return { conflict: standing ?? manifest.digest };
    case 'put':
      return write(how, { tag, manifest, annotations: null });
  }
}

/** Whether the snapshot of the source may cover what was not copied, as it was written later. The next copy brings both. */
async function hasGrown({ source, sourceTags, signal }: TagCopying): Promise<boolean> {
  return [...(await tagsOf(source, signal))].some((tag) => !sourceTags.has(tag) && COVERED.has(kindOf(tag)));
}

function isHidden({ sourceTags, targetTags }: TagCopying, tag: string): boolean {
  const deletion = deletionTag(tag);
  return kindOf(tag) === 'fact' && (sourceTags.has(deletion) || targetTags.has(deletion));
}

/** Null when it was removed meanwhile, as deleted and derived tags are. */
async function readTag({ source, signal }: TagCopying, tag: string): Promise<ManifestBytes | null> {
  let stored = await source.readManifest(tag, { signal });
  if (stored === null) {
    await pause(READ_AGAIN_AFTER_MS, undefined, { signal });
    stored = await source.readManifest(tag, { signal });
  }
  if (stored === null) {
    if (kindOf(tag) === 'derived' || (await source.statManifest(deletionTag(tag), { signal })) !== null) {
      return null;
    }
    throw new ProxyError('integrity', `The tag ${tag} of repository ${source.name} is listed and cannot be read in the store that is copied from.`);
  }
  if (digestOf(stored.bytes) !== stored.digest) {
    throw new ProxyError('integrity', `The manifest under the tag ${tag} of repository ${source.name} does not have the digest ${stored.digest} in the store that is copied from.`);
  }
  return stored;
}

interface TagWrite {
  readonly tag: string;
  readonly manifest: ManifestBytes;
  /** Null: it is derived, and replaces what is there. */
  readonly annotations: Annotations | null;
}

async function write(how: TagCopying, writing: TagWrite): Promise<TagOutcome> {
  const put = async (): Promise<Digest> => {
    await how.content.references(writing.manifest);
    return putTag(how, writing);
  };
  const winner = await put().catch((error: unknown) => {
    if (!isProxyError(error, 'unprocessable')) {
      throw error;
    }
    // The target lost something since we saw it there.
    how.content.forget();
    return put();
  });
  if (winner === writing.manifest.digest) {
    how.arrived.manifests.add(winner);
    return 'copied';
  }
  // Deleted there at the same moment: who did it first changes nothing.
  return kindOf(writing.tag) === 'deletion' ? 'present' : { conflict: winner };
}

async function putTag({ target, exclusive, signal }: TagCopying, { tag, manifest, annotations }: TagWrite): Promise<Digest> {
  if (annotations === null) {
    await target.writeManifest(manifest, { tag, signal });
    return manifest.digest;
  }
  if (isTagCreator(target)) {
    return target.createTag(tag, manifest, { signal });
  }
  if (!exclusive && isDecided(tag, annotations)) {
    return decideTag(target, tag, manifest, signal === undefined ? {} : { signal });
  }
  // The list was made before everything else was copied, and a worker there may have stored the same version meanwhile.
  const meanwhile = exclusive ? null : await target.statManifest(tag, { signal });
  if (meanwhile !== null) {
    return meanwhile;
  }
  await target.writeManifest(manifest, { tag, signal });
  return manifest.digest;
}

/** What publishers may be putting at this moment, with other bytes: they must hear that they lost, or we. */
function isDecided(tag: string, annotations: Annotations): boolean {
  return kindOf(tag) === 'origin' || (kindOf(tag) === 'fact' && annotations[ANNOTATIONS.origin] === 'published' && annotations[ANNOTATIONS.tag] === tag);
}
