import { fileTag } from '@oci-package-proxy/mapping';
import { type Fold, isDeletedIn } from '@oci-package-proxy/storage';

import type { ProjectFile, ProjectPage, ProjectStatus } from '../model/project-page.ts';
import { canonicalVersion } from '../names/version.ts';
import { heldFile } from './held-file.ts';
import type { LastState } from './last-state.ts';
import { ownYank } from './own-yanks.ts';
import { isQuarantined, ownStatus } from './project-status.ts';
import type { PublishedPlace } from './project-view.ts';

/** What one side shows of a project. */
export interface ProjectPart {
  readonly status: ProjectStatus | null;
  readonly files: readonly ProjectFile[];
}

/** The tag of a file; null for a text that cannot be a file's name. */
export function tagOfFile(filename: string): string | null {
  return filename === '' || !filename.isWellFormed() ? null : fileTag(filename);
}

/** What is published here of a project; null when there is nothing. */
export function publishedPart(name: string, places: readonly PublishedPlace[]): ProjectPart | null {
  const files = new Map<string, ProjectFile>();
  for (const { fold } of places) {
    for (const fact of fold.facts.values()) {
      const file = heldFile(name, fact);
      if (!files.has(file.filename)) {
        files.set(file.filename, { ...file, yanked: ownYank(fold, file) });
      }
    }
  }
  return files.size === 0 ? null : { status: publishedStatus(places), files: [...files.values()] };
}

/** Whether a file of this name was published here and deleted: another one of that name would be taken for it. */
export function isDeletedHere(places: readonly PublishedPlace[], filename: string): boolean {
  const tag = tagOfFile(filename);
  return tag !== null && places.some(({ fold }) => isDeletedIn(fold, tag));
}

/** The status that was set here of what is published here; null where none was. */
export function publishedStatus(places: readonly PublishedPlace[]): ProjectStatus | null {
  return places.map(({ fold }) => ownStatus(fold)).find((status) => status !== null) ?? null;
}

/**
 * What was pulled through of a project, for as long as upstream cannot be asked.
 * @param said what upstream said last.
 * @param asks whether upstream is there at all: what is not held here can only come from it.
 */
export function heldPart(name: string, fold: Fold, { said, asks }: { readonly said: LastState; readonly asks: boolean }): ProjectPart {
  const files = [...fold.facts.values()].map((fact) => {
    const file = heldFile(name, fact);
    const hasProvenance = asks && said.provenance.has(file.filename);
    return { ...file, yanked: ownYank(fold, file) ?? said.yanked.get(file.filename) ?? null, hasProvenance };
  });
  return { status: ownStatus(fold) ?? said.status, files };
}

/**
 * The page of a project that was published here, has been pulled through, or both: PEP 691. Of two files with one name ours counts;
 * what was deleted here does not come back from upstream. The status of what is published counts for all of it.
 */
export function combinedPage(name: string, places: readonly PublishedPlace[], theirs: ProjectPart | null): ProjectPage | null {
  const ours = publishedPart(name, places);
  if (ours === null && theirs === null) {
    return null;
  }
  const status = statusOf(ours, theirs);
  const names = new Set(ours?.files.map(({ filename }) => filename));
  const others = theirs === null || isQuarantined(theirs.status) ? [] : theirs.files.filter(({ filename }) => !names.has(filename) && !isDeletedHere(places, filename));
  const files = isQuarantined(status) ? [] : [...(ours?.files ?? []), ...others];
  return { name, status, versions: versionsOf(files), files };
}

/** A quarantine at upstream hides what is upstream's, and says nothing of ours. */
function statusOf(ours: ProjectPart | null, theirs: ProjectPart | null): ProjectStatus | null {
  const upstream = theirs?.status ?? null;
  return ours?.status ?? (ours !== null && isQuarantined(upstream) ? null : upstream);
}

function versionsOf(files: readonly ProjectFile[]): readonly string[] {
  const spellings = new Set(files.flatMap(({ version }) => version ?? []));
  const versions = new Map<string, string>();
  for (const spelling of spellings) {
    const version = canonicalVersion(spelling);
    if (!versions.has(version)) {
      versions.set(version, spelling);
    }
  }
  return [...versions.values()];
}
