import { setTimeout as pause } from 'node:timers/promises';

import { isProxyError, ProxyError } from '@oci-package-proxy/errors';
import { type Digest, digestOf, isTagCreator, type ManifestBytes, parseManifest, type Repository } from '@oci-package-proxy/oci';
import { ANNOTATIONS, decideTag, deletionTag, kindOf } from '@oci-package-proxy/storage';

import type { ContentCopy } from './content-copy.ts';

/** A registry that writes a tag in two steps lists it before it can be read. In milliseconds. */
const READ_AGAIN_AFTER_MS = 300;

/** How copying one tag ended. `hidden`: it was deleted, here or there. `conflict`: something else stands there, and stays. */
export type TagOutcome = 'copied' | 'present' | 'hidden' | { readonly conflict: Digest };

/** From where to where tags go. */
export interface TagCopying {
  readonly source: Repository;
  readonly target: Repository;
  /** As they were listed. */
  readonly sourceTags: ReadonlySet<string>;
  readonly targetTags: ReadonlySet<string>;
  readonly content: ContentCopy;
  /** Whether nobody else writes the target: then nothing has to be decided between rivals. */
  readonly exclusive: boolean;
  readonly signal?: AbortSignal | undefined;
}

type Annotations = Readonly<Record<string, string>>;

/**
 * Copies one tag with all that it leads to. A tag that is written once is never replaced.
 * @throws ProxyError `integrity` for what the source does not have or cannot show rightly; what the stores throw.
 */
export async function copyTag(how: TagCopying, tag: string): Promise<TagOutcome> {
  const { source, target, signal } = how;
  if ((kindOf(tag) === 'deletion' && how.targetTags.has(tag)) || isHidden(how, tag)) {
    return kindOf(tag) === 'deletion' ? 'present' : 'hidden';
  }
  const standing = how.targetTags.has(tag) ? await target.statManifest(tag, { signal }) : null;
  if (standing !== null && (await source.statManifest(tag, { signal })) === standing) {
    return 'present';
  }
  const manifest = await readTag(how, tag);
  if (manifest === null) {
    return 'hidden';
  }
  const annotations = parseManifest(manifest).annotations ?? {};
  if (isHidden(how, annotations[ANNOTATIONS.tag] ?? tag)) {
    return 'hidden';
  }
  const replaces = standing !== null && manifest.digest !== standing ? await mayReplace(how, tag, { annotations, standing }) : 'no';
  if (standing !== null && (manifest.digest === standing || replaces === 'newer')) {
    return 'present';
  }
  if (standing !== null && replaces === 'no') {
    return { conflict: standing };
  }
  return write(how, { tag, manifest, annotations });
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

/** Derived tags follow the source; a snapshot that was made later at the target stays. */
async function mayReplace({ target, signal }: TagCopying, tag: string, { annotations, standing }: { readonly annotations: Annotations; readonly standing: Digest }): Promise<'yes' | 'no' | 'newer'> {
  const isIndex = annotations[ANNOTATIONS.derived] !== undefined;
  if (kindOf(tag) !== 'derived' && !isIndex) {
    return 'no';
  }
  const there = await annotationsAt(target, standing, signal);
  if (isIndex && there[ANNOTATIONS.derived] === undefined) {
    return 'no';
  }
  const [ours, theirs] = [annotations[ANNOTATIONS.created], there[ANNOTATIONS.created]];
  return ours !== undefined && theirs !== undefined && Date.parse(theirs) > Date.parse(ours) ? 'newer' : 'yes';
}

async function annotationsAt(repository: Repository, digest: Digest, signal: AbortSignal | undefined): Promise<Annotations> {
  try {
    const stored = await repository.readManifest(digest, { signal });
    return stored === null ? {} : (parseManifest(stored).annotations ?? {});
  } catch (error) {
    if (!isProxyError(error, 'integrity')) {
      throw error;
    }
    return {};
  }
}

interface TagWrite {
  readonly tag: string;
  readonly manifest: ManifestBytes;
  readonly annotations: Annotations;
}

async function write(how: TagCopying, { tag, manifest, annotations }: TagWrite): Promise<TagOutcome> {
  const put = async (): Promise<Digest> => {
    await how.content.references(manifest);
    return putTag(how, { tag, manifest, annotations });
  };
  const winner = await put().catch((error: unknown) => {
    if (!isProxyError(error, 'unprocessable')) {
      throw error;
    }
    // The target lost something since we saw it there.
    how.content.forget();
    return put();
  });
  return winner === manifest.digest ? 'copied' : { conflict: winner };
}

async function putTag({ target, exclusive, signal }: TagCopying, { tag, manifest, annotations }: TagWrite): Promise<Digest> {
  const derived = kindOf(tag) === 'derived' || annotations[ANNOTATIONS.derived] !== undefined;
  if (derived) {
    await target.writeManifest(manifest, { tag, signal });
    return manifest.digest;
  }
  if (isTagCreator(target)) {
    return target.createTag(tag, manifest, { signal });
  }
  if (!exclusive && isDecided(tag, annotations)) {
    return decideTag(target, tag, manifest, signal === undefined ? {} : { signal });
  }
  await target.writeManifest(manifest, { tag, signal });
  return manifest.digest;
}

/** What publishers may be putting at this moment, with other bytes: they must hear that they lost, or we. */
function isDecided(tag: string, annotations: Annotations): boolean {
  return kindOf(tag) === 'origin' || (kindOf(tag) === 'fact' && annotations[ANNOTATIONS.origin] === 'published' && annotations[ANNOTATIONS.tag] === tag);
}
