import { headerText } from '../http/exchange.ts';
import { resolveLocation } from '../http/location.ts';
import { nextLink } from '../link-header.ts';
import type { ProbeSession, Reply } from './probe-session.ts';
import type { ScratchRepository } from './scratch-repository.ts';

const PAGE = 2;
const MAX_PAGES = 30;
/** Fewer tags say nothing about pages or order. */
const ENOUGH = 4;

/** What `n`, `last` and the order of a list are. @param putOrder our own tags, as they were put. */
export async function probeLists(session: ProbeSession, scratch: ScratchRepository, putOrder: readonly string[]): Promise<void> {
  const all = tagsOf(await scratch.page('tags/list?n=1000'));
  if (all.length < ENOUGH) {
    session.unknown(['tagPages', 'tagOrder'], `${scratch.endpoint.name} has too few tags to see it`);
    return;
  }
  order(session, all, putOrder);
  const first = await scratch.page(`tags/list?n=${PAGE}`);
  const tags = tagsOf(first);
  if (tags.length > PAGE) {
    session.found('tagPages', 'ignored', `asked for ${PAGE} of ${all.length} tags, it sends ${tags.length}`);
  } else if (headerText(first.headers, 'link') !== null) {
    await followed(session, { scratch, first, all });
  } else {
    await byLast(session, { scratch, tags, all });
  }
}

interface Listing {
  readonly scratch: ScratchRepository;
  readonly all: readonly string[];
}

async function followed(session: ProbeSession, { scratch, first, all }: Listing & { readonly first: Reply }): Promise<void> {
  const seen = new Set(tagsOf(first));
  let reply = first;
  for (let page = 1; page < MAX_PAGES; page += 1) {
    const link = nextLink(reply.headers['link']);
    const { registry } = scratch.endpoint.client;
    const next = link === null ? null : resolveLocation(link, reply.url, registry);
    if (next === null || next.origin !== registry.origin) {
      const missing = all.filter((tag) => !seen.has(tag)).length;
      session.found('tagPages', missing === 0 ? 'linked' : 'cut', missing === 0 ? `${all.length} tags in ${page} pages of ${PAGE}, each with a Link to the next` : `the pages of ${PAGE} end before ${missing} of ${all.length} tags`);
      return;
    }
    reply = await scratch.page(next);
    for (const tag of tagsOf(reply)) {
      seen.add(tag);
    }
  }
  session.found('tagPages', 'linked', `pages of ${PAGE}, each with a Link to the next; ${MAX_PAGES} of them were read`);
}

async function byLast(session: ProbeSession, { scratch, tags, all }: Listing & { readonly tags: readonly string[] }): Promise<void> {
  const last = tags.at(-1) ?? '';
  const next = tagsOf(await scratch.page(`tags/list?n=${PAGE}&last=${encodeURIComponent(last)}`));
  const further = next.filter((tag) => !tags.includes(tag));
  session.found('tagPages', further.length > 0 ? 'by-last' : 'cut', further.length > 0 ? `pages of ${PAGE} come without a Link; last=${last} gives the next` : `asked for ${PAGE} of ${all.length} tags, it sends ${tags.length} without a Link, and nothing more for last=${last}`);
}

function order(session: ProbeSession, all: readonly string[], putOrder: readonly string[]): void {
  const own = all.filter((tag) => putOrder.includes(tag));
  if (isSame(all, all.toSorted()) || isSame(all, all.toSorted((left, right) => left.localeCompare(right, 'en', { sensitivity: 'base' })))) {
    session.found('tagOrder', 'lexical', `${all.length} tags come sorted by name`);
  } else if (own.length >= ENOUGH && isSame(own, putOrder.filter((tag) => all.includes(tag)))) {
    session.found('tagOrder', 'by-age', 'tags come as they were put');
  } else {
    session.found('tagOrder', 'none', `${all.length} tags come in no order`);
  }
}

function isSame(left: readonly string[], right: readonly string[]): boolean {
  return left.every((tag, at) => tag === right[at]);
}

/** The tags of a page; none where it is no list. */
export function tagsOf(reply: Reply): readonly string[] {
  try {
    const body = JSON.parse(reply.bytes.toString()) as { tags?: unknown } | null;
    const tags = reply.status === 200 ? body?.tags : null;
    return Array.isArray(tags) ? tags.filter((tag): tag is string => typeof tag === 'string') : [];
  } catch {
    return [];
  }
}
