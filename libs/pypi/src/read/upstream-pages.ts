import { LRUCache } from 'lru-cache';

import { isProxyError, ProxyError } from '@oci-package-proxy/errors';
import type { UpstreamDocument } from '@oci-package-proxy/upstream';

import type { PypiUpstream } from '../config/indexes.ts';
import type { UpstreamFile, UpstreamPage } from '../model/project-page.ts';
import { decodeUpstreamPage } from '../pages/upstream-page.ts';
import type { ReadCall } from './read-port.ts';

const ACCEPT = 'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01';
/** Files of all pages that are kept read. */
const MAX_FILES = 150_000;
/** How long (ms) the last page counts as what upstream says where nobody asks it. */
const LATEST_MS = 5 * 60_000;
/** A page that upstream confirmed so recently (ms) is not asked for again because a file is not in it, nor an answer because it is no page. */
const RECENT_MS = 5_000;
/** How old (ms) a page may be that stands in for an answer that is none, as for an upstream that does not answer. */
const MAX_STALE_MS = 7 * 86_400_000;

/** A page that was read. */
export interface ReadPage {
  readonly page: UpstreamPage;
  /** By name; of two with one name the first. */
  readonly files: ReadonlyMap<string, UpstreamFile>;
  /** Changes if and only if the page does. */
  readonly revision: string;
}

/** A page as upstream has it now, or had it last. */
export interface KnownPage extends ReadPage {
  /** When upstream last confirmed it, ms since the epoch. */
  readonly confirmedAt: number;
  /** True when upstream could not be asked, and this is the last that it said. */
  readonly stale: boolean;
}

/** Which page of a project was read last. */
interface LastRead {
  /** In the pages that are kept read. */
  readonly key: string;
  /** As of {@link KnownPage}. */
  readonly confirmedAt: number;
  /** On the clock of `performance`, ms. */
  readonly readAt: number;
}

/** The pages of projects at upstreams: PEP 503, PEP 691. */
export class UpstreamPages {
  /** By upstream, name and revision; counted by files. */
  readonly #read = new LRUCache<string, ReadPage>({ maxSize: MAX_FILES, sizeCalculation: ({ files }) => files.size + 1 });
  /** By upstream and name. */
  readonly #last = new LRUCache<string, LastRead>({ maxSize: 100_000, sizeCalculation: () => 1, ttl: MAX_STALE_MS });

  /**
   * The page of a project; null when upstream has none. For an answer that is no page, such as what a gateway in between says, the
   * last page stands in, as for none.
   * @throws ProxyError as `UpstreamDocuments.get`, and `upstream-unavailable` for an answer that is no page; never `not-found`.
   */
  async get(upstream: PypiUpstream, name: string, { signal, fresh = false }: ReadCall = {}): Promise<KnownPage | null> {
    const document = await documentOf(upstream, name, { signal, fresh });
    if (document === null) {
      this.#last.delete(`${upstream.id} ${name}`);
      return null;
    }
    const { confirmedAt, stale } = document;
    const read = this.#readPage(upstream, name, document);
    if (read !== null) {
      return { ...read, confirmedAt, stale };
    }
    // A failure is left alone for seconds, and so is this one: not for as long as a page is kept.
    return !fresh && Date.now() - confirmedAt > RECENT_MS ? this.get(upstream, name, { signal, fresh: true }) : this.#lastRead(upstream, name);
  }

  /** The page that was read last, if that was a moment ago. Asks nobody. */
  latest(upstream: { readonly id: string }, name: string): ReadPage | null {
    const last = this.#last.get(`${upstream.id} ${name}`);
    return last === undefined || performance.now() - last.readAt > LATEST_MS ? null : (this.#read.get(last.key) ?? null);
  }

  /**
   * The page of a project and one of its files; null when upstream does not have the project. That it does not have the file is
   * never said from an old page.
   * @throws ProxyError as {@link get}; `upstream-unavailable` too when only an old page is there, which does not list the file.
   */
  async find(upstream: PypiUpstream, name: string, filename: string, call: ReadCall = {}): Promise<{ readonly page: UpstreamPage; readonly entry: UpstreamFile | null } | null> {
    const known = await this.get(upstream, name, call);
    const entry = known?.files.get(filename) ?? null;
    if (known === null || entry !== null || (!known.stale && Date.now() - known.confirmedAt <= RECENT_MS)) {
      return known === null ? null : { page: known.page, entry };
    }
    const again = await this.get(upstream, name, { ...call, fresh: true });
    if (again === null) {
      return null;
    }
    const late = again.files.get(filename) ?? null;
    if (late === null && again.stale) {
      throw new ProxyError('upstream-unavailable', `${filename}: not known here, and upstream cannot be asked now. Try again later.`);
    }
    return { page: again.page, entry: late };
  }

  /** Null for what is no page. */
  #readPage(upstream: PypiUpstream, name: string, document: UpstreamDocument): ReadPage | null {
    const subject = `${upstream.id} ${name}`;
    const key = `${subject} ${document.revision} ${document.url}`;
    const known = this.#read.get(key);
    const page = known?.page ?? decodeUpstreamPage(document, name);
    if (page === null) {
      return null;
    }
    const read = known ?? { page, files: byName(page.files), revision: `${document.revision} ${document.url}` };
    if (known === undefined) {
      this.#read.set(key, read);
    }
    this.#last.set(subject, { key, confirmedAt: document.confirmedAt, readAt: performance.now() });
    return read;
  }

  #lastRead({ id }: PypiUpstream, name: string): KnownPage {
    const last = this.#last.peek(`${id} ${name}`);
    const read = last === undefined ? undefined : this.#read.get(last.key);
    if (last === undefined || read === undefined) {
      throw new ProxyError('upstream-unavailable', `Reading ${name} from upstream ${id}: what it answered is no page of a project. Check the URL of the upstream.`);
    }
    return { ...read, confirmedAt: last.confirmedAt, stale: true };
  }
}

async function documentOf({ documents, url }: PypiUpstream, name: string, call: { readonly signal: AbortSignal | undefined; readonly fresh: boolean }): Promise<UpstreamDocument | null> {
  try {
    return await documents.get({ url: `${url}/${name}/`, accept: ACCEPT, ...call });
  } catch (error) {
    // For whoever asks, a page that cannot be taken is one that cannot be had; 403, which a redirect to where nobody may go would be, is a "not found" to some.
    throw isProxyError(error, 'too-large') || isProxyError(error, 'policy') ? new ProxyError('upstream-unavailable', error.message, { cause: error }) : error;
  }
}

function byName(files: readonly UpstreamFile[]): ReadonlyMap<string, UpstreamFile> {
  const named = new Map<string, UpstreamFile>();
  for (const file of files) {
    if (!named.has(file.filename)) {
      named.set(file.filename, file);
    }
  }
  return named;
}
