import type { ProjectFile, ProjectPage } from '../model/project-page.ts';
import type { FileUrls } from './file-urls.ts';
import { htmlText } from './html-text.ts';

// PEP 833: the last one that HTML gets.
const VERSION = '1.4';

// Those that pip and uv both check, best first: uv refuses an anchor with another one.
const FRAGMENT_HASHES = ['sha256', 'sha512', 'sha384', 'md5'];

/**
 * A project's page as HTML: PEP 503, with 592, 629, 658, 714, 740 and 792. Each file is one line with one anchor that has attributes,
 * its text the plain name of the file: some clients read it by a regular expression. Sizes and times have no place in HTML.
 * A quarantined project offers no file.
 */
export function encodeProjectHtml(page: ProjectPage, urls: FileUrls): Buffer {
  const files = page.status?.status === 'quarantined' ? [] : page.files;
  return encoded({
    title: `Links for ${page.name}`,
    metas: statusMetas(page),
    anchors: files.map((file) => anchor(fileAttributes(file, urls), file.filename)),
  });
}

/** The list of projects as HTML: PEP 503. @param hrefOf the URL of a project's page, with a slash at its end. */
export function encodeListHtml(names: Iterable<string>, hrefOf: (name: string) => string): Buffer {
  return encoded({ title: 'Simple index', metas: [], anchors: Array.from(names, (name) => anchor([['href', hrefOf(name)]], name)) });
}

type Attribute = readonly [name: string, value: string];

function statusMetas({ status }: ProjectPage): readonly Attribute[] {
  if (status === null) {
    return [];
  }
  return [['pypi:project-status', status.status], ...(status.reason === null ? [] : [['pypi:project-status-reason', status.reason] as const])];
}

function fileAttributes(file: ProjectFile, urls: FileUrls): readonly Attribute[] {
  const attributes: Attribute[] = [['href', `${urls.file(file)}${hashFragment(file)}`]];
  if (file.requiresPython !== null) {
    attributes.push(['data-requires-python', file.requiresPython]);
  }
  if (file.yanked !== null) {
    attributes.push(['data-yanked', file.yanked]);
  }
  if (file.metadataSha256 !== null) {
    // PEP 714: pip 22.3 to 23.1 know only the second one.
    attributes.push(['data-core-metadata', `sha256=${file.metadataSha256}`], ['data-dist-info-metadata', `sha256=${file.metadataSha256}`]);
  }
  if (file.gpgSignature !== null) {
    attributes.push(['data-gpg-sig', String(file.gpgSignature)]);
  }
  if (file.hasProvenance) {
    attributes.push(['data-provenance', urls.provenance(file)]);
  }
  return attributes;
}

function hashFragment({ hashes }: ProjectFile): string {
  const best = FRAGMENT_HASHES.find((algorithm) => Object.hasOwn(hashes, algorithm));
  return best === undefined ? '' : `#${best}=${hashes[best]}`;
}

function anchor(attributes: readonly Attribute[], text: string): string {
  return `<a ${attributes.map(([name, value]) => `${name}="${htmlText(value)}"`).join(' ')}>${htmlText(text)}</a><br />`;
}

function encoded({ title, metas, anchors }: { readonly title: string; readonly metas: readonly Attribute[]; readonly anchors: readonly string[] }): Buffer {
  const lines = [
    '<!DOCTYPE html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    ...[['pypi:repository-version', VERSION] as const, ...metas].map(([name, content]) => `<meta name="${name}" content="${htmlText(content)}">`),
    `<title>${htmlText(title)}</title>`,
    '</head>',
    '<body>',
    `<h1>${htmlText(title)}</h1>`,
    ...anchors,
    '</body>',
    '</html>',
    '',
  ];
  return Buffer.from(lines.join('\n'));
}
