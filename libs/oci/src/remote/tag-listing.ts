import { ProxyError } from '@oci-package-proxy/errors';

import { isTag } from '../model/grammar.ts';
import type { Answer, RegistryRequest } from './http/exchange.ts';
import { saysMissing, statusFailure } from './http/failures.ts';
import { resolveLocation } from './http/location.ts';
import { nextLink } from './link-header.ts';
import { PULL, type RepositoryEndpoint } from './repository-endpoint.ts';

const MAX_PAGES = 10_000;
/** What registries cut their pages at is a multiple of this: 50, 100, 1000. */
const USUAL_CUT = 50;
/** Registries that do not page (distribution 2.8) send everything at once. */
const MAX_PAGE_BYTES = 64 * 1024 * 1024;

/**
 * All tags, page by page, each tag once: distribution-spec "Listing tags". As many are asked for at a time as the registry's
 * profile says; it may answer with as many as it likes, or with all. A page that is gone while we turn the pages
 * (zot, when the tag that it begins after was deleted) makes the list start over, once. A page that looks cut and has no
 * `Link` is not taken for the last before the registry was asked for what comes after it.
 * @throws ProxyError `storage-unavailable` when the list cannot be had whole, or is so long that the registry may have cut it: an
 * incomplete one is never passed off as all.
 */
export async function* listTags(endpoint: RepositoryEndpoint, signal?: AbortSignal): AsyncGenerator<readonly string[]> {
  const seen = new Set<string>();
  const first = firstPage(endpoint, signal);
  let url: URL | null = first.url;
  let restarted = false;
  let visited = new Set<string>();
  let guessed = false;
  let listed = 0;
  for (let page = 0; url !== null; page += 1) {
    if (page >= MAX_PAGES || visited.has(url.href)) {
      throw new ProxyError('storage-unavailable', `${first.subject}: the registry's pages do not come to an end`);
    }
    visited.add(url.href);
    const answer: Answer = await endpoint.client.ask({ ...first, url }, { maxBytes: MAX_PAGE_BYTES, accept: (given) => checkList(given, first.subject) });
    if (guessed && answer.status >= 400 && answer.status < 500) {
      return;
    }
    if (saysMissing(answer) && visited.size > 1 && !restarted) {
      restarted = true;
      listed = 0;
      visited = new Set();
      url = first.url;
      continue;
    }
    const all = pageOf(answer, { first: visited.size === 1, subject: first.subject });
    listed += all.length;
    checkLength(endpoint, listed, first.subject);
    const tags = all.filter((tag) => isTag(tag) && !seen.has(tag));
    for (const tag of tags) {
      seen.add(tag);
    }
    if (tags.length > 0) {
      yield tags;
    }
    const linked = nextPage(answer, endpoint.client.registry, first.subject);
    guessed = linked === null;
    url = linked ?? afterCut(all, { fresh: tags.length, asked: endpoint.profile.tagsPerPage, first: first.url });
  }
}

/** Where a registry cuts lists without a word, one that long may be such a one. */
function checkLength({ profile: { maxTags } }: RepositoryEndpoint, listed: number, subject: string): void {
  if (maxTags !== null && listed >= maxTags) {
    const what = `the registry shows at most ${maxTags} tags of a repository, and this list may have been cut there`;
    throw new ProxyError('storage-unavailable', `${subject}: ${what}; move this package to a registry that lists all (copy), or, if yours does, set storage.capabilities.maxTags: null in CONFIG_FILE`);
  }
}

/** Where to ask what comes after a page that ends where pages are cut; more tags than we asked for are all that there are. */
function afterCut(page: readonly string[], how: { readonly fresh: number; readonly asked: number; readonly first: URL }): URL | null {
  const last = page.at(-1);
  const looksCut = page.length === how.asked || (page.length < how.asked && page.length % USUAL_CUT === 0);
  if (last === undefined || how.fresh === 0 || !looksCut) {
    return null;
  }
  const url = new URL(how.first);
  url.searchParams.set('last', last);
  return url;
}

function firstPage(endpoint: RepositoryEndpoint, signal: AbortSignal | undefined): RegistryRequest {
  const path = `tags/list?n=${endpoint.profile.tagsPerPage}`;
  return endpoint.request({ method: 'GET', path, headers: { accept: 'application/json' }, operation: 'listing tags', actions: PULL, signal });
}

function pageOf(answer: Answer, page: { first: boolean; subject: string }): readonly string[] {
  // A repository that was never written to, or whose last tag was deleted, has no list.
  if (saysMissing(answer) && page.first) {
    return [];
  }
  if (answer.status !== 200) {
    throw saysMissing(answer) ? changing(page.subject) : statusFailure(answer, page.subject);
  }
  const tags = parsedTags(answer.bytes);
  if (tags === null) {
    throw noList(page.subject);
  }
  return tags;
}

/** What ends in the middle, though cleanly, may be whole the next time. */
function checkList({ status, bytes }: Answer, subject: string): void {
  if (status === 200 && parsedTags(bytes) === null) {
    throw noList(subject);
  }
}

function noList(subject: string): ProxyError {
  return new ProxyError('storage-unavailable', `${subject}: what the registry sent is no tag list; is the storage URL that of a registry?`);
}

function parsedTags(bytes: Buffer): readonly string[] | null {
  try {
    const body = JSON.parse(bytes.toString()) as { tags?: unknown } | null;
    if (typeof body !== 'object' || body === null) {
      return null;
    }
    const tags = body.tags ?? [];
    return Array.isArray(tags) ? [...new Set(tags.filter((tag): tag is string => typeof tag === 'string'))] : null;
  } catch {
    return null;
  }
}

function nextPage(answer: Answer, registry: URL, subject: string): URL | null {
  const link = answer.status === 200 ? nextLink(answer.headers['link']) : null;
  if (link === null) {
    return null;
  }
  const url = resolveLocation(link, answer.url, registry);
  if (url === null || url.origin !== registry.origin) {
    throw new ProxyError('storage-unavailable', `${subject}: the next page lies on another host than ${registry.host}; not followed`);
  }
  return url;
}

function changing(subject: string): ProxyError {
  return new ProxyError('storage-unavailable', `${subject}: the registry's list changed twice while it was read; try again`);
}
