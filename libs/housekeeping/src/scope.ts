import { isRepositoryLister, type Registry } from '@oci-package-proxy/oci';
import { Catalogue, type PackageRef } from '@oci-package-proxy/storage';

import type { AskedNames } from './asked-names.ts';
import { type Holding, type PackageLocator, placesOf } from './holding.ts';
import type { ListedPackages } from './listed-packages.ts';

/** A package by its name. */
export interface NamedPackage {
  readonly ecosystem: string;
  readonly name: string;
}

/** What of a store is meant. A prefix is one of repository names, whole path segments. */
export type Scope =
  | { readonly kind: 'all' }
  | { readonly kind: 'ecosystem'; readonly ecosystem: string }
  | { readonly kind: 'prefix'; readonly prefix: string }
  | { readonly kind: 'names'; readonly names: AsyncIterable<NamedPackage> | Iterable<NamedPackage> };

/** Where it is looked for. */
export interface ScopeSearch {
  readonly registry: Registry;
  readonly locator: PackageLocator;
  readonly signal?: AbortSignal | undefined;
}

/** Who hears of names while repositories are looked for. */
export interface NamesHeard {
  /** Of every package that is asked for by its name. */
  readonly asked: AskedNames;
  /** Of every package that the catalogue lists and that lies in the scope with all its places. */
  readonly listed?: ListedPackages;
}

/**
 * The repositories in `scope`, each once: the catalogues and all that they list; then, where the store can say which repositories
 * it has, whatever else there is. A repository that the catalogue leads to may be empty.
 * @throws ProxyError `invalid` for a named package that cannot be called so; what the store throws.
 */
export async function* holdingsIn(search: ScopeSearch, scope: Scope, { asked, listed }: NamesHeard): AsyncIterable<Holding> {
  const seen = new Set<string>();
  for await (const holding of scope.kind === 'names' ? named(search, scope.names, asked) : found(search, scope, listed)) {
    if (!seen.has(holding.repository) && isIn(holding, scope)) {
      seen.add(holding.repository);
      yield holding;
    }
  }
}

async function* named({ locator }: ScopeSearch, names: AsyncIterable<NamedPackage> | Iterable<NamedPackage>, asked: AskedNames): AsyncIterable<Holding> {
  for await (const { ecosystem, name } of names) {
    for (const ref of locator.refsOf(ecosystem, name)) {
      asked.ask(ref);
      yield { kind: 'package', ...ref };
    }
  }
}

async function* found({ registry, locator, signal }: ScopeSearch, scope: Scope, listed: ListedPackages | undefined): AsyncIterable<Holding> {
  const catalogue = new Catalogue(registry, false);
  for (const ecosystem of locator.ecosystems) {
    if (scope.kind === 'ecosystem' && scope.ecosystem !== ecosystem) {
      continue;
    }
    for (const repository of catalogue.repositories(ecosystem)) {
      yield { kind: 'catalogue', ecosystem, name: null, repository };
    }
    for await (const name of catalogue.names(ecosystem, { signal })) {
      const places = placesOf(locator, ecosystem, name).map((ref): Holding & PackageRef => ({ kind: 'package', ...ref }));
      if (places.every((place) => isIn(place, scope))) {
        listed?.list(places);
      }
      yield* places;
    }
  }
  if (isRepositoryLister(registry)) {
    for await (const repository of registry.listRepositories({ signal })) {
      yield { kind: 'unknown', ecosystem: null, name: null, repository };
    }
  }
  if (scope.kind === 'prefix') {
    yield { kind: 'unknown', ecosystem: null, name: null, repository: scope.prefix };
  }
}

function isIn({ ecosystem, repository }: Holding, scope: Scope): boolean {
  if (scope.kind === 'prefix') {
    return `${repository}/`.startsWith(`${scope.prefix}/`);
  }
  return scope.kind !== 'ecosystem' || (ecosystem ?? repository.split('/')[0]) === scope.ecosystem;
}
