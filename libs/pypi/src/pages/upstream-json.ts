import type { ProjectStatus, UpstreamFile } from '../model/project-page.ts';
import { versionOfFilename } from '../names/filename.ts';
import { isServableFilename, saidText, type ShownPage, soundHashes, soundStatus, webUrl } from './upstream-file.ts';

const UPLOAD_TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:(\.\d{1,6})\d{0,3})?(Z|[+-]\d\d:\d\d|)$/;

type JsonObject = Readonly<Record<string, unknown>>;

/** Where a page was found, and of which project it is. */
interface Place {
  /** Of the document, which relative URLs are relative to. */
  readonly base: string;
  readonly name: string;
}

/**
 * A project's page in JSON: PEP 691 and what came after it. A file that is malformed is left out, not the page; what is malformed of a
 * file and not needed to fetch it is as if it were not said. Null for what is no such page, or one of another major version.
 */
export function decodeJsonPage(text: string, place: Place): ShownPage | null {
  const document = objectOf(parsed(text));
  const files = document?.['files'];
  if (document === null || !Array.isArray(files) || !isReadable(document)) {
    return null;
  }
  const versions: unknown[] = Array.isArray(document['versions']) ? document['versions'] : [];
  return {
    status: statusOf(document),
    versions: versions.flatMap((version) => saidText(version) ?? []),
    files: files.flatMap((entry) => fileOf(objectOf(entry), place) ?? []),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

function objectOf(value: unknown): JsonObject | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;
}

/** PEP 691: a reader must refuse a major version that it does not know. */
function isReadable(document: JsonObject): boolean {
  const version = objectOf(document['meta'])?.['api-version'];
  return (typeof version !== 'string' && typeof version !== 'number') || /^1(\.|$)/.test(String(version).trim());
}

/** PEP 792 has it at the top, and in an example in `meta`; and some write a bare text. */
function statusOf(document: JsonObject): ProjectStatus | null {
  const stated = document['project-status'] ?? objectOf(document['meta'])?.['project-status'];
  const status = objectOf(stated);
  return status === null ? soundStatus(stated, null) : soundStatus(status['status'], status['reason']);
}

function fileOf(entry: JsonObject | null, { base, name }: Place): UpstreamFile | null {
  const filename = entry?.['filename'];
  const href = entry?.['url'];
  if (entry === null || typeof filename !== 'string' || !isServableFilename(filename) || typeof href !== 'string') {
    return null;
  }
  const url = webUrl(href, base);
  if (url === null) {
    return null;
  }
  const provenance = saidText(entry['provenance']);
  const provenanceUrl = provenance === null ? null : (webUrl(provenance, base)?.href ?? null);
  return {
    filename,
    version: versionOfFilename(filename, name),
    hashes: soundHashes(Object.entries(objectOf(entry['hashes']) ?? {})),
    size: Number.isSafeInteger(entry['size']) && (entry['size'] as number) >= 0 ? (entry['size'] as number) : null,
    uploadTime: uploadTimeOf(entry['upload-time']),
    requiresPython: saidText(entry['requires-python']),
    yanked: yankedOf(entry['yanked']),
    metadataSha256: metadataOf(entry),
    hasProvenance: provenanceUrl !== null,
    gpgSignature: typeof entry['gpg-sig'] === 'boolean' ? entry['gpg-sig'] : null,
    url: url.href,
    provenanceUrl,
  };
}

/**
 * PEP 700: in UTC, with six digits of a second at most. One that is no time is left out, because some clients refuse the whole page
 * for it; so they do for other spellings, each of which can mean but one time.
 */
function uploadTimeOf(value: unknown): string | null {
  const [, seconds = '', fraction = '', zone = ''] = typeof value === 'string' ? (UPLOAD_TIME.exec(value) ?? []) : [];
  const time = new Date(`${seconds}${zone === '' ? 'Z' : zone}`);
  const year = time.getUTCFullYear();
  // Python knows no others.
  return year >= 1 && year <= 9999 ? `${time.toISOString().slice(0, seconds.length)}${fraction}Z` : null;
}

/**
 * PEP 592. The empty text is not allowed in JSON, and is what a mirror makes of HTML's `data-yanked=""`; so it is taken for a yank:
 * a mirror must not lose one.
 */
function yankedOf(value: unknown): string | null {
  if (typeof value === 'string') {
    return value.toWellFormed();
  }
  return value === undefined || value === null || value === false || value === 0 ? null : '';
}

/** PEP 714, then the name of PEP 658, then the one that the public index used by mistake; without a digest there is nothing to check what is served by. */
function metadataOf(entry: JsonObject): string | null {
  const stated = entry['core-metadata'] ?? entry['dist-info-metadata'] ?? entry['data-dist-info-metadata'];
  return soundHashes(Object.entries(objectOf(stated) ?? {}))['sha256'] ?? null;
}
