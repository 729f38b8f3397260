import type { Origin } from '@oci-package-proxy/storage';

import type { ProjectStatus } from '../model/project-page.ts';
import { canonicalVersion, compareVersions } from '../names/version.ts';
import { ownYank } from '../read/own-yanks.ts';
import type { Place, PlacedFile, ProjectPlaces } from './project-places.ts';
import { checkProject, statusOf } from './statuses.ts';

/** A file, as operators see it. */
export interface FileState {
  readonly filename: string;
  /** Bytes; null where nobody knows. */
  readonly size: number | null;
  readonly sha256: string | null;
  readonly uploadTime: string | null;
  /** The reason, empty for none; null: not yanked. */
  readonly yanked: string | null;
  /** Whether it is stored here; else upstream lists it. */
  readonly held: boolean;
  readonly origin: Origin;
}

/** A version, as operators see it. */
export interface VersionState {
  /** As its files write it; null for files whose names do not tell. */
  readonly version: string | null;
  /** The reason, empty for none; null unless all its files are yanked. */
  readonly yanked: string | null;
  readonly files: readonly FileState[];
}

/** A project, as operators see it: what is in all its places, whatever index shows it. */
export interface ProjectState {
  /** Normalized. */
  readonly name: string;
  /** Null: nobody says any, which means active. */
  readonly status: ProjectStatus | null;
  /** `merged`: published here and pulled through; null: there are no files. */
  readonly origin: Origin | 'merged' | null;
  /** From the oldest to the newest. */
  readonly versions: readonly VersionState[];
  /** How many files were deleted. */
  readonly deleted: number;
}

/** Tells what there is of a project. */
export class ProjectStates {
  readonly #places: Pick<ProjectPlaces, 'read'>;

  constructor({ places }: { readonly places: Pick<ProjectPlaces, 'read'> }) {
    this.#places = places;
  }

  /** The state of a project. @param name normalized. @throws ProxyError `not-found`; `upstream-unavailable` and its likes when only upstream could tell. */
  async get(name: string, call: { readonly signal?: AbortSignal | undefined } = {}): Promise<ProjectState> {
    const places = await this.#places.read(name, call);
    checkProject(name, places);
    return {
      name,
      status: statusOf(places),
      origin: originOf(places),
      versions: versionsOf(places),
      deleted: new Set(places.flatMap(({ fold }) => [...fold.deletedTags])).size,
    };
  }
}

function versionsOf(places: readonly Place[]): readonly VersionState[] {
  const files = new Map<string, PlacedFile>();
  for (const place of places) {
    for (const file of place.files.values()) {
      // Ours come first, and go before upstream's of the same name.
      if (!files.has(file.filename)) {
        files.set(file.filename, { ...file, yanked: ownYank(place.fold, file) ?? file.yanked });
      }
    }
  }
  const groups = Map.groupBy(files.values(), ({ version }) => (version === null ? null : canonicalVersion(version)));
  return [...groups.values()].map(versionOf).sort(byVersion);
}

function versionOf(group: readonly PlacedFile[]): VersionState {
  const files = group.map(fileStateOf).sort((left, right) => (left.filename < right.filename ? -1 : 1));
  const reasons = files.map(({ yanked }) => yanked);
  return { version: group[0]?.version ?? null, yanked: reasons.includes(null) ? null : (reasons.find((reason) => reason !== '') ?? ''), files };
}

function fileStateOf({ filename, size, hashes, uploadTime, yanked, held, origin }: PlacedFile): FileState {
  return { filename, size, sha256: hashes['sha256'] ?? null, uploadTime, yanked, held, origin };
}

function byVersion(left: VersionState, right: VersionState): number {
  if (left.version === null || right.version === null) {
    return Number(right.version === null) - Number(left.version === null);
  }
  return compareVersions(left.version, right.version);
}

function originOf(places: readonly Place[]): Origin | 'merged' | null {
  const origins = new Set(places.flatMap(({ files }) => [...files.values()].map(({ origin }) => origin)));
  return origins.size > 1 ? 'merged' : ([...origins][0] ?? null);
}
