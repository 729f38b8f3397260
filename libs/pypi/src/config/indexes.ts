import type { Upstream, UpstreamDocuments } from '@oci-package-proxy/upstream';

/** One upstream. */
export interface PypiUpstream {
  readonly id: string;
  /** Of its simple pages, without a slash at its end: `<url>/<project>/` is a project's page. */
  readonly url: string;
  readonly http: Upstream;
  readonly documents: UpstreamDocuments;
}

/** One index, as clients see it: what it shows, and in which order. */
export interface PypiIndex {
  /** `default` is the one at the base path; the others are at `<base>/<name>/`. */
  readonly name: string;
  /** Whether it shows what is published here. */
  readonly published: boolean;
  /** Whether files may be uploaded to it. Only where `published`. */
  readonly upload: boolean;
  /**
   * In order: the first one that has a project shows it, and the ones after it are not asked. One that is switched off
   * (`PYPI_UPSTREAM_URL=off`) still shows what is held of it, and so is here by its id alone.
   */
  readonly upstreams: readonly (PypiUpstream | { readonly id: string; readonly url: null })[];
  /** Whether it shows projects of this (normalized) name at all. */
  shows(name: string): boolean;
  /** Whether files published here and upstream's are shown together, ours first where both have one of the same name. */
  merges(name: string): boolean;
}

/** All indexes of a process. */
export interface PypiIndexes {
  readonly all: readonly PypiIndex[];
  /** The index that is called so; null where there is none. */
  find(name: string): PypiIndex | null;
  /** Whether a name is declared private: never asked of any upstream, whatever index it is asked of. @param name normalized. */
  isPrivate(name: string): boolean;
  /** Whether any index merges the name: only then can something be published beside what was pulled through. @param name normalized. */
  isMerged(name: string): boolean;
}
