import { sha256Hex } from './wheel-file.ts';
import type { PypiUpstreamFile, PypiUpstreamProject } from './pypi-upstream.ts';

/** How the scripted upstream writes its pages. */
export type PageFormat = 'json' | 'html' | 'html-bare';

interface PageRequest {
  readonly format: PageFormat;
  /** Null: the list of all. */
  readonly project: PypiUpstreamProject | null;
  readonly names: readonly string[];
  /** Stands before `files/<filename>`. */
  readonly linkBase: string;
}

/** A page of the scripted upstream and its type. */
export function encodePage(page: PageRequest): { readonly body: Buffer; readonly contentType: string } {
  if (page.format === 'json') {
    const json = page.project === null ? listJson(page.names) : projectJson(page.project, page.linkBase);
    return { body: Buffer.from(JSON.stringify(json)), contentType: 'application/vnd.pypi.simple.v1+json' };
  }
  const lines = page.project === null ? page.names.map((name) => `<a href="${name}/">${name}</a><br/>`) : projectHtml(page.project, page);
  const html = ['<!DOCTYPE html>', '<html><head>', ...headHtml(page), '</head><body>', ...lines, '</body></html>', ''].join('\n');
  return { body: Buffer.from(html), contentType: 'text/html; charset=UTF-8' };
}

function listJson(names: readonly string[]): unknown {
  return { meta: { 'api-version': '1.4' }, projects: names.map((name) => ({ name })) };
}

function projectJson(project: PypiUpstreamProject, linkBase: string): unknown {
  return {
    meta: { 'api-version': '1.4', '_last-serial': 12345 },
    name: project.name,
    ...(project.status !== undefined && { 'project-status': project.status }),
    versions: project.versions ?? [...new Set(project.files.map(versionOf))],
    files: project.files.map((file) => ({
      filename: file.file.filename,
      url: `${linkBase}files/${encodeURIComponent(file.file.filename)}`,
      hashes: hashesOf(file),
      ...(file.requiresPython !== undefined && { 'requires-python': file.requiresPython }),
      ...(file.size !== null && { size: file.size ?? sizeOf(file) }),
      ...(file.uploadTime !== null && { 'upload-time': file.uploadTime ?? '2024-05-01T12:00:00.123456Z' }),
      yanked: file.yanked ?? false,
      'core-metadata': announced(file) ?? false,
      provenance: file.provenance === undefined ? null : `${linkBase}integrity/${encodeURIComponent(file.file.filename)}/provenance`,
    })),
  };
}

function headHtml({ format, project }: PageRequest): readonly string[] {
  if (format === 'html-bare') {
    return [];
  }
  const { status } = project ?? {};
  return [
    '<meta name="pypi:repository-version" content="1.4">',
    ...(status === undefined ? [] : [`<meta name="pypi:project-status" content="${status.status}">`]),
    ...(status?.reason === undefined ? [] : [`<meta name="pypi:project-status-reason" content="${escaped(status.reason)}">`]),
  ];
}

function projectHtml(project: PypiUpstreamProject, { format, linkBase }: PageRequest): readonly string[] {
  return project.files.map((file) => {
    const name = file.file.filename;
    const href = `${linkBase}files/${encodeURIComponent(name)}`;
    if (format === 'html-bare') {
      return `<a href="${href}">${name}</a><br/>`;
    }
    const [algorithm, hash] = Object.entries(hashesOf(file))[0] ?? [];
    const fragment = algorithm === undefined ? '' : `#${algorithm}=${hash}`;
    return `<a href="${href}${fragment}"${attributesOf(file, linkBase)}>${name}</a><br/>`;
  });
}

function attributesOf(file: PypiUpstreamFile, linkBase: string): string {
  const metadata = announced(file);
  const hash = typeof metadata === 'object' ? `sha256=${metadata.sha256}` : 'true';
  const attributes: readonly (readonly [string, string | undefined])[] = [
    ['data-requires-python', file.requiresPython],
    ['data-yanked', file.yanked === true ? '' : file.yanked],
    ['data-dist-info-metadata', metadata === undefined ? undefined : hash],
    ['data-core-metadata', metadata === undefined ? undefined : hash],
    ['data-provenance', file.provenance === undefined ? undefined : `${linkBase}integrity/${encodeURIComponent(file.file.filename)}/provenance`],
  ];
  return attributes.map(([name, value]) => (value === undefined ? '' : ` ${name}="${escaped(value)}"`)).join('');
}

function announced(file: PypiUpstreamFile): { sha256: string } | true | undefined {
  if (file.metadata === 'none' || !file.file.filename.endsWith('.whl')) {
    return undefined;
  }
  return file.metadata === 'unhashed' ? true : { sha256: sha256Hex(file.file.metadata) };
}

function hashesOf(file: PypiUpstreamFile): Readonly<Record<string, string>> {
  return file.hashes ?? { sha256: file.file.sha256 };
}

function sizeOf({ file }: PypiUpstreamFile): number {
  return 'bytes' in file ? file.bytes.length : file.size;
}

function versionOf({ file }: PypiUpstreamFile): string {
  const parts = file.filename.replace(/\.(whl|tar\.gz|zip)$/, '').split('-');
  return (file.filename.endsWith('.whl') ? parts[1] : parts.at(-1)) ?? '';
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
