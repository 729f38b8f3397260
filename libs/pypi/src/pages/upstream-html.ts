import { Parser } from 'htmlparser2';

import type { UpstreamFile } from '../model/project-page.ts';
import { versionOfFilename } from '../names/filename.ts';
import { isServableFilename, saidText, type ShownPage, soundHashes, soundStatus, webUrl } from './upstream-file.ts';

// By its end alone: what else of a name is odd, a client may judge. Pages link to signatures, home pages and parent folders too.
const ARCHIVE = /\.(?:whl|egg|zip|exe|msi|rpm|deb|dmg|tar|tgz|tbz2?|txz|tlz|tzst|tar\.(?:gz|bz2|xz|lz|lzma|zst|z))$/i;

type Attributes = Readonly<Record<string, string>>;

/** Where a page was found, and of which project it is. */
interface Place {
  /** Of the document; `<base href>` goes before it. */
  readonly base: string;
  readonly name: string;
}

/** What of an HTML document is looked at. */
interface Elements {
  readonly anchors: Attributes[];
  /** Values of `meta` elements by their names; the first one of each counts. */
  readonly metas: Map<string, string>;
  baseHref: string | null;
  isDocument: boolean;
  /** Whether there is something that no index shows and every sign-in page does. */
  isInteractive: boolean;
}

/** No index is nested, and a stack of open elements is what a hostile page makes slow: so no element is ever open. */
class FlatParser extends Parser {
  protected override isVoidElement(): boolean {
    return true;
  }
}

/**
 * A project's page in HTML: PEP 503 and what came after it, and the directory listings that pass for it. A file is an anchor whose URL
 * ends in the name of an archive; its text does not count. Null for what shows no file and does not look like an index either: a
 * sign-in page of something in between must not make a project that is empty.
 */
export function decodeHtmlPage(text: string, { base, name }: Place): ShownPage | null {
  const elements = elementsOf(text);
  const root = elements.baseHref === null ? base : (webUrl(elements.baseHref, base)?.href ?? base);
  const files = elements.anchors.flatMap((anchor) => fileOf(anchor, { base: root, name }) ?? []);
  const isIndex = elements.metas.has('pypi:repository-version') || (elements.isDocument && !elements.isInteractive);
  if ((files.length === 0 && !isIndex) || !isReadable(elements.metas)) {
    return null;
  }
  return { status: soundStatus(elements.metas.get('pypi:project-status'), elements.metas.get('pypi:project-status-reason')), versions: [], files };
}

function elementsOf(text: string): Elements {
  const elements: Elements = { anchors: [], metas: new Map(), baseHref: null, isDocument: false, isInteractive: false };
  const parser = new FlatParser({
    onopentag: (name, attributes) => takeElement(elements, name, attributes),
    onprocessinginstruction: (name) => {
      elements.isDocument ||= name === '!doctype';
    },
  });
  parser.end(text);
  return elements;
}

function takeElement(elements: Elements, name: string, attributes: Attributes): void {
  switch (name) {
    case 'a':
      elements.anchors.push(attributes);
      return;
    case 'base':
      elements.baseHref ??= attributes['href'] ?? null;
      return;
    case 'meta': {
      const key = (attributes['name'] ?? '').trim().toLowerCase();
      elements.metas.set(key, elements.metas.get(key) ?? attributes['content'] ?? '');
      return;
    }
    case 'html':
      elements.isDocument = true;
      return;
    case 'form':
    case 'input':
    case 'script':
      elements.isInteractive = true;
      return;
  }
}

/** PEP 629: a reader must refuse a major version that it does not know. */
function isReadable(metas: ReadonlyMap<string, string>): boolean {
  return /^\s*(1(\.|\s*$)|$)/.test(metas.get('pypi:repository-version') ?? '');
}

function fileOf(anchor: Attributes, { base, name }: Place): UpstreamFile | null {
  const href = anchor['href']?.trim() ?? '';
  const url = href === '' ? null : webUrl(href, base);
  const filename = url === null ? null : filenameOf(url);
  if (url === null || filename === null || !isServableFilename(filename) || !ARCHIVE.test(filename)) {
    return null;
  }
  const provenance = saidText(anchor['data-provenance']);
  const provenanceUrl = provenance === null ? null : (webUrl(provenance, base)?.href ?? null);
  return {
    filename,
    version: versionOfFilename(filename, name),
    hashes: hashesIn(href.slice(href.indexOf('#') + 1 || href.length)),
    size: null,
    uploadTime: null,
    requiresPython: saidText(anchor['data-requires-python']),
    yanked: anchor['data-yanked']?.toWellFormed() ?? null,
    metadataSha256: hashesIn(anchor['data-core-metadata'] ?? anchor['data-dist-info-metadata'] ?? '')['sha256'] ?? null,
    hasProvenance: provenanceUrl !== null,
    gpgSignature: gpgSignatureOf(anchor['data-gpg-sig']),
    url: url.href,
    provenanceUrl,
  };
}

function filenameOf(url: URL): string | null {
  try {
    return decodeURIComponent(url.pathname.slice(url.pathname.lastIndexOf('/') + 1));
  } catch {
    return null;
  }
}

/** `sha256=<hex>`, and as in fragments several of them, joined by `&`. */
function hashesIn(text: string): Readonly<Record<string, string>> {
  const entries = text.split('&').map((part) => [part.slice(0, Math.max(part.indexOf('='), 0)).trim(), part.slice(part.indexOf('=') + 1).trim()] as const);
  return soundHashes(entries);
}

function gpgSignatureOf(value: string | undefined): boolean | null {
  const stated = value?.trim().toLowerCase();
  return stated === 'true' || stated === 'false' ? stated === 'true' : null;
}
