import type { Entry } from 'yauzl';

import { isProjectName, normalizedName } from '../../names/project-name.ts';
import { canonicalVersion } from '../../names/version.ts';

const MEMBER = /^([^/]+)\.dist-info\/(METADATA|WHEEL|RECORD)$/;
const ANY_FOLDER = /^([^/]+)\.dist-info\//;

/** Whose file an archive is. */
export interface NamedVersion {
  /** Normalized. */
  readonly name: string;
  readonly version: string;
}

/** The members of a `.dist-info` directory that say what a wheel is: https://packaging.python.org/en/latest/specifications/binary-distribution-format/ */
export interface DistInfo {
  /** Without `.dist-info`. */
  readonly folder: string;
  readonly members: ReadonlyMap<string, Entry>;
  /** Members that are there more than once: everybody reads another one. */
  readonly repeated: ReadonlySet<string>;
}

interface OpenDistInfo extends DistInfo {
  readonly members: Map<string, Entry>;
  readonly repeated: Set<string>;
}

/** Collects the `.dist-info` directories of a wheel while its members go by. */
export class DistInfos {
  readonly #found = new Map<string, OpenDistInfo>();

  /** Looks at one member. */
  meet(entry: Entry): void {
    const folder = ANY_FOLDER.exec(entry.fileName)?.[1];
    if (folder === undefined) {
      return;
    }
    const info = this.#found.get(folder) ?? { folder, members: new Map<string, Entry>(), repeated: new Set<string>() };
    this.#found.set(folder, info);
    const member = MEMBER.exec(entry.fileName)?.[2];
    if (member !== undefined && info.members.has(member)) {
      info.repeated.add(member);
    }
    if (member !== undefined) {
      info.members.set(member, entry);
    }
  }

  /** All of them, in the order of the archive. */
  all(): readonly DistInfo[] {
    return [...this.#found.values()];
  }

  /** The one of a wheel, whatever its spelling: by name and version, else the only one of the name. Null where none or several would do. */
  of(wheel: NamedVersion): DistInfo | null {
    const named = this.all().filter(({ folder }) => isNamed(folder, wheel.name));
    const exact = named.filter(({ folder }) => isVersion(folder, wheel.version));
    const fitting = exact.length > 0 ? exact : named;
    return fitting.length === 1 ? (fitting[0] ?? null) : null;
  }
}

function isNamed(folder: string, name: string): boolean {
  const text = folder.slice(0, Math.max(folder.lastIndexOf('-'), 0));
  return isProjectName(text) && normalizedName(text) === name;
}

function isVersion(folder: string, version: string): boolean {
  const text = folder.slice(folder.lastIndexOf('-') + 1);
  // What a wheel's name cannot hold is an underscore there.
  return [text, text.replaceAll('_', '-')].some((spelling) => canonicalVersion(spelling) === canonicalVersion(version));
}
