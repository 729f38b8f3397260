import { ProxyError } from '@oci-package-proxy/errors';
import type { Fold, Origin } from '@oci-package-proxy/storage';

import { platformText } from '../model/provider.ts';
import { blockKey, EVERY_VERSION } from '../model/terraform-fact.ts';
import type { SigningKeys, StoredKey } from '../publish/publish-port.ts';
import { isGone, yanksIn } from '../read/version-marks.ts';
import { newestFirst } from '../versions/version.ts';
import type { ManagedPackage } from './managed-package.ts';
import type { PackagePlace, PackagePlaces } from './package-places.ts';
import type { StoredFile } from './stored-versions.ts';

const BLOCK_PREFIX = blockKey('');

/** A version, as operators see it. */
export interface VersionState {
  readonly version: string;
  readonly origin: Origin;
  /** Whether anything of it is stored here; else upstream lists it. */
  readonly held: boolean;
  /** The reason, empty for none; null: not yanked. */
  readonly yanked: string | null;
  /** When it was published, ISO 8601; empty where nobody knows. */
  readonly at: string;
  /** Those that are stored here. */
  readonly files: readonly StoredFile[];
  /** Platforms that upstream lists and that are not stored here, as `linux_amd64`. */
  readonly listed: readonly string[];
  /** Ids of the keys that clients check it with. */
  readonly keys: readonly string[];
}

/** A provider or module, as operators see it. */
export interface PackageState {
  readonly kind: ManagedPackage['kind'];
  /** Its address. */
  readonly name: string;
  /** Null: nothing was stored of it yet. */
  readonly origin: Origin | null;
  /** The newest first. */
  readonly versions: readonly VersionState[];
  /** Versions of upstream's that nobody is to have, the newest first; `*`: all of them. */
  readonly blocked: readonly string[];
  /** How many stored versions (of what was pulled through: platforms of versions) were deleted. */
  readonly deleted: number;
  /** Who is asked for the rest, and why that cannot be asked now. */
  readonly upstream: { readonly host: string; readonly failure: string | null } | null;
  /** Keys that may sign new versions; none for what is not published here. */
  readonly keys: readonly StoredKey[];
}

/** What {@link PackageStates} needs. */
export interface PackageStatesOptions {
  readonly places: Pick<PackagePlaces, 'read'>;
  readonly keys: Pick<SigningKeys, 'list'>;
  /** The host in the addresses of what is published here. */
  readonly own: string;
}

/** Tells what there is of a provider or module. */
export class PackageStates {
  readonly #options: PackageStatesOptions;

  constructor(options: PackageStatesOptions) {
    this.#options = options;
  }

  /** The state of a package. @throws ProxyError `not-found`; `upstream-unavailable` and its likes when only upstream could tell. */
  async get(managed: ManagedPackage, { signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<PackageState> {
    const place = await this.#options.places.read(managed, { signal });
    const { name, fold, upstream, failure } = place;
    const versions = versionsOf(place);
    const blocked = blockedIn(fold);
    if (versions.length + blocked.length + fold.deletedTags.size === 0) {
      throw failure ?? new ProxyError('not-found', `There is nothing of ${name}, neither here nor at any upstream.`);
    }
    return {
      kind: managed.kind,
      name,
      origin: fold.origin,
      versions,
      blocked,
      deleted: fold.deletedTags.size,
      upstream: upstream === null ? null : { host: upstream, failure: failure?.message ?? null },
      keys: await this.#keysOf(managed, signal),
    };
  }

  async #keysOf({ kind, address }: ManagedPackage, signal: AbortSignal | undefined): Promise<readonly StoredKey[]> {
    const { keys, own } = this.#options;
    return kind === 'provider' && address.host === own ? keys.list(address.namespace, signal === undefined ? {} : { signal }) : [];
  }
}

function versionsOf(place: PackagePlace): readonly VersionState[] {
  const { stored, listed } = place;
  return newestFirst(new Set([...stored.keys(), ...listed.keys()])).map((version) => versionOf(place, version));
}

function versionOf({ fold, stored, listed }: PackagePlace, version: string): VersionState {
  const held = stored.get(version);
  const files = held?.files ?? [];
  const platforms = listed.get(version)?.platforms.filter((platform) => !isGone(fold, version, platform)).map(platformText) ?? [];
  return {
    version,
    origin: held?.origin ?? 'upstream',
    held: held !== undefined,
    yanked: yanksIn(fold).get(version) ?? null,
    at: held?.at ?? '',
    files,
    listed: platforms.filter((text) => !files.some(({ platform }) => platform === text)).sort(),
    keys: held?.keys ?? [],
  };
}

function blockedIn({ values }: Pick<Fold, 'values'>): readonly string[] {
  const blocked = [...values].flatMap(([key, { value }]) => (key.startsWith(BLOCK_PREFIX) && value !== null ? [key.slice(BLOCK_PREFIX.length)] : []));
  return blocked.includes(EVERY_VERSION) ? [EVERY_VERSION] : newestFirst(blocked);
}
