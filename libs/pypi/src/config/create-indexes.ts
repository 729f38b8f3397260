import type { Upstream, UpstreamDocuments } from '@oci-package-proxy/upstream';

import { DEFAULT } from '../model/holdings.ts';
import type { PypiIndex, PypiIndexes } from './indexes.ts';
import { nameMatcher } from './name-globs.ts';
import type { PypiSection } from './pypi-section.ts';

type IndexUpstream = PypiIndex['upstreams'][number];
type IndexSettings = PypiSection['indexes'][string];

const DEFAULT_SETTINGS: IndexSettings = { published: true, upstreams: [DEFAULT], packages: ['**'], merge: [] };

/** What {@link createIndexes} makes indexes of. */
export interface IndexParts {
  readonly section: PypiSection;
  /** What PYPI_UPSTREAM_URL says; null: off. */
  readonly defaultUrl: string | null;
  /** Globs of names that are never asked of any upstream. */
  readonly privateNames: readonly string[];
  /** Asked once for every URL. */
  upstreamAt(url: string): { readonly upstream: Upstream; readonly documents: UpstreamDocuments };
}

/** All indexes that a configuration describes. There is always one at the base path. */
export function createIndexes(parts: IndexParts): PypiIndexes {
  const upstreams = upstreamsOf(parts);
  const settings = { [DEFAULT]: DEFAULT_SETTINGS, ...parts.section.indexes };
  const all = Object.entries(settings).map(([name, setting]) => indexOf(name, setting, upstreams));
  const byName = new Map(all.map((index) => [index.name, index]));
  return {
    all,
    find: (name) => byName.get(name) ?? null,
    isPrivate: nameMatcher(parts.privateNames),
    isMerged: (name) => all.some((index) => index.merges(name)),
  };
}

function upstreamsOf({ section, defaultUrl, upstreamAt }: IndexParts): ReadonlyMap<string, IndexUpstream> {
  const upstreams = new Map<string, IndexUpstream>();
  const reached = new Map<string, ReturnType<typeof upstreamAt>>();
  for (const [id, url] of Object.entries({ [DEFAULT]: defaultUrl, ...section.upstreams })) {
    if (url === null) {
      upstreams.set(id, { id, url });
      continue;
    }
    const { upstream, documents } = reached.get(url) ?? upstreamAt(url);
    reached.set(url, { upstream, documents });
    upstreams.set(id, { id, url, http: upstream, documents });
  }
  return upstreams;
}

function indexOf(name: string, setting: IndexSettings, upstreams: ReadonlyMap<string, IndexUpstream>): PypiIndex {
  return {
    name,
    published: setting.published,
    upload: setting.upload ?? setting.published,
    upstreams: setting.upstreams.map((id) => upstreams.get(id)).filter((upstream) => upstream !== undefined),
    shows: nameMatcher(setting.packages),
    merges: nameMatcher(setting.merge),
  };
}
