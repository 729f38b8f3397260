import { isProxyError } from '@oci-package-proxy/errors';
import { parseRepositoryName } from '@oci-package-proxy/mapping';
import { parseManifest, type Registry, type Repository } from '@oci-package-proxy/oci';
import { ANNOTATIONS, kindOf, type PackageRef } from '@oci-package-proxy/storage';

/** Looked at for a name, at most. */
const MAX_FACTS = 5;

/** Where the packages of ecosystems lie. */
export interface PackageLocator {
  /** Their names, and `system`, whose packages are the records of the system itself. */
  readonly ecosystems: readonly string[];
  /**
   * Every place that may hold something of a package, the usual one first.
   * @throws ProxyError `invalid` when nothing can be called so.
   */
  refsOf(ecosystem: string, name: string): readonly PackageRef[];
}

/** A repository that is to be looked after. */
export interface Holding {
  readonly kind: 'package' | 'catalogue' | 'unknown';
  /** Null where it is not known. */
  readonly ecosystem: string | null;
  /** The package; null for a catalogue, and where it is not known. */
  readonly name: string | null;
  /** Below the configured prefix. */
  readonly repository: string;
}

/** The places of a package; none when nothing can be called so. */
export function placesOf(locator: PackageLocator, ecosystem: string, name: string): readonly PackageRef[] {
  try {
    return locator.refsOf(ecosystem, name);
  } catch (error) {
    if (!isProxyError(error)) {
      throw error;
    }
    return [];
  }
}

/** Which package a repository holds: by its name, else by what its versions say of themselves. Null when neither tells. */
export async function identify(registry: Registry, locator: PackageLocator, { repository, signal }: { readonly repository: string; readonly signal?: AbortSignal | undefined }): Promise<PackageRef | null> {
  return byName(locator, repository) ?? byFacts(registry.repository(repository), locator, { repository, signal });
}

/** The package in a repository: as it was found, else as {@link identify} tells. */
export async function refOf(search: { readonly registry: Registry; readonly locator: PackageLocator; readonly signal?: AbortSignal | undefined }, { kind, ecosystem, name, repository }: Holding): Promise<PackageRef | null> {
  const { registry, locator, signal } = search;
  return kind === 'package' && ecosystem !== null && name !== null ? { ecosystem, name, repository } : identify(registry, locator, { repository, signal });
}

function byName(locator: PackageLocator, repository: string): PackageRef | null {
  const components = parseRepositoryName(repository) ?? [];
  const [first, ...rest] = components;
  if (typeof first !== 'string' || rest.length === 0 || rest.includes(null)) {
    return null;
  }
  const path = rest.join('/');
  const candidates = [[first, path], [first, `@${path}`], [first, rest.at(-1) ?? ''], ['system', path], ['system', `${first}/${path}`]] as const;
  for (const [ecosystem, name] of candidates) {
    const found = (locator.ecosystems.includes(ecosystem) ? placesOf(locator, ecosystem, name) : []).find((ref) => ref.repository === repository);
    if (found !== undefined) {
      return found;
    }
  }
  return null;
}

async function byFacts(stored: Repository, locator: PackageLocator, { repository, signal }: { readonly repository: string; readonly signal?: AbortSignal | undefined }): Promise<PackageRef | null> {
  let looked = 0;
  for await (const page of stored.listTags({ signal })) {
    for (const tag of page.filter((listed) => kindOf(listed) === 'fact')) {
      const ref = await refIn(stored, tag, { repository, signal });
      if (ref !== null && locator.ecosystems.includes(ref.ecosystem)) {
        return ref;
      }
      looked += 1;
      if (looked === MAX_FACTS) {
        return null;
      }
    }
  }
  return null;
}

async function refIn(stored: Repository, tag: string, { repository, signal }: { readonly repository: string; readonly signal?: AbortSignal | undefined }): Promise<PackageRef | null> {
  try {
    const manifest = await stored.readManifest(tag, { signal });
    const annotations = manifest === null ? {} : (parseManifest(manifest).annotations ?? {});
    const { [ANNOTATIONS.ecosystem]: ecosystem, [ANNOTATIONS.package]: name } = annotations;
    return ecosystem === undefined || name === undefined ? null : { ecosystem, name, repository };
  } catch (error) {
    if (!isProxyError(error, 'integrity')) {
      throw error;
    }
    return null;
  }
}
