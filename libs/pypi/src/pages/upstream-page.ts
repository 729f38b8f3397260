import type { UpstreamFile, UpstreamPage } from '../model/project-page.ts';
import { canonicalVersion } from '../names/version.ts';
import { decodeHtmlPage } from './upstream-html.ts';
import { decodeJsonPage } from './upstream-json.ts';

/** A document as upstream sent it, its content coding undone. */
export interface UpstreamDocument {
  readonly bytes: Buffer;
  /** The header; empty where there is none. */
  readonly contentType: string;
  /** Absolute, after all redirects: what relative URLs are relative to. */
  readonly url: string;
}

/**
 * A project's page as any index shows it, JSON or HTML: PEP 503, 592, 658, 691, 700, 714, 740, 792, and what public ones make of them.
 * Its first character says which, because many servers and proxies in between send the wrong type; only what begins with neither is
 * taken at the type's word. Where a file is shown twice, the first one counts. The name is the one asked for, whatever the page
 * calls itself: mirrors and redirects differ there. Null for what is neither form, or of a version that nobody here can read.
 * @param name normalized.
 */
export function decodeUpstreamPage({ bytes, contentType, url }: UpstreamDocument, name: string): UpstreamPage | null {
  // Drops a byte order mark; what is no UTF-8 becomes a replacement character.
  const text = new TextDecoder().decode(bytes);
  const decode = decoderFor(text, contentType);
  const shown = decode?.(text, { base: url, name }) ?? null;
  if (shown === null) {
    return null;
  }
  const files = distinctFiles(shown.files);
  return { name, status: shown.status, versions: allVersions(shown.versions, files), files };
}

function decoderFor(text: string, contentType: string): typeof decodeJsonPage | null {
  const start = /\S/.exec(text)?.[0];
  if (start === '{') {
    return decodeJsonPage;
  }
  const type = (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
  const isHtml = type === 'text/html' || type === 'application/xhtml+xml' || /^application\/vnd\.pypi\.simple\.[a-z0-9]+\+html$/.test(type);
  return start === '<' || isHtml ? decodeHtmlPage : null;
}

function distinctFiles(files: readonly UpstreamFile[]): readonly UpstreamFile[] {
  const byName = new Map<string, UpstreamFile>();
  for (const file of files) {
    if (!byName.has(file.filename)) {
      byName.set(file.filename, file);
    }
  }
  return [...byName.values()];
}

/** PEP 700: what upstream says, and what files have besides, each version once however it is spelled. */
function allVersions(stated: readonly string[], files: readonly UpstreamFile[]): readonly string[] {
  const spellings = new Set([...stated, ...files.flatMap(({ version }) => version ?? [])]);
  const byVersion = new Map<string, string>();
  for (const spelling of spellings) {
    const version = canonicalVersion(spelling);
    if (!byVersion.has(version)) {
      byVersion.set(version, spelling);
    }
  }
  return [...byVersion.values()];
}
