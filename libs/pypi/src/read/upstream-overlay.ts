import { type Fact, type Fold, isDeletedIn } from '@oci-package-proxy/storage';

import type { ProjectFile, UpstreamFile, UpstreamPage } from '../model/project-page.ts';
import { fileDocumentOf } from '../model/pypi-fact.ts';
import { isOfOtherBytes } from './announced-digest.ts';
import { heldFile, storedHashes } from './held-file.ts';
import { ownYank } from './own-yanks.ts';
import { type ProjectPart, tagOfFile } from './project-part.ts';
import { ownStatus } from './project-status.ts';

/** A stored file under whose name upstream now announces other bytes. */
export interface PinnedFile {
  readonly filename: string;
  readonly stored: Readonly<Record<string, string>>;
  readonly announced: Readonly<Record<string, string>>;
}

/**
 * Upstream's page with what is known here laid over: files that were deleted here are hidden, what was yanked here is yanked, stored
 * files tell what upstream does not say of them, and keep their own bytes when upstream announces other ones. What is stored and no
 * longer listed is not listed: upstream has taken it back.
 */
export function overlaidPage(page: UpstreamPage, fold: Fold): { readonly part: ProjectPart; readonly pinned: readonly PinnedFile[] } {
  const pinned: PinnedFile[] = [];
  const files: ProjectFile[] = [];
  const stored = new Map([...fold.facts.values()].map((fact) => [fileDocumentOf(fact).filename, fact]));
  for (const entry of page.files) {
    if (isDeleted(fold, entry.filename)) {
      continue;
    }
    const fact = stored.get(entry.filename);
    const file = fact === undefined ? listedFile(entry) : storedFile(page.name, entry, fact);
    files.push({ ...file, yanked: ownYank(fold, file) ?? entry.yanked });
    if (fact !== undefined && isPinned(fact, entry)) {
      pinned.push({ filename: entry.filename, stored: storedHashes(fact, fileDocumentOf(fact)), announced: entry.hashes });
    }
  }
  return { part: { status: ownStatus(fold) ?? page.status, files }, pinned };
}

// A page can have thousands of files, and few projects have lost any: no tag is computed for nothing.
function isDeleted(fold: Fold, filename: string): boolean {
  const tag = fold.deletedTags.size === 0 ? null : tagOfFile(filename);
  return tag !== null && isDeletedIn(fold, tag);
}

/** Whether upstream announces other bytes than the stored ones, which are served all the same. */
export function isPinned(fact: Fact, entry: UpstreamFile): boolean {
  return isOfOtherBytes(entry.hashes, storedHashes(fact, fileDocumentOf(fact)));
}

// Signatures are not pulled through, and so are not announced.
function listedFile({ url: _url, provenanceUrl, ...file }: UpstreamFile): ProjectFile {
  return { ...file, hasProvenance: provenanceUrl !== null, gpgSignature: null };
}

function storedFile(project: string, entry: UpstreamFile, fact: Fact): ProjectFile {
  const held = heldFile(project, fact);
  if (isPinned(fact, entry)) {
    return held;
  }
  const listed = listedFile(entry);
  return {
    ...listed,
    hashes: { ...listed.hashes, ...(held.hashes['sha256'] === undefined ? {} : { sha256: held.hashes['sha256'] }) },
    size: held.size,
    uploadTime: listed.uploadTime ?? held.uploadTime,
    requiresPython: listed.requiresPython ?? held.requiresPython,
    metadataSha256: held.metadataSha256 ?? listed.metadataSha256,
  };
}
