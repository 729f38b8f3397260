import { type CoreMetadata, unindented } from './core-metadata.ts';

/**
 * The `info` object of the JSON API, with all the members that the public index has, null or empty where the metadata says
 * nothing: those that are no metadata (URLs of pages, yanks) are for the caller to set. What old tools wrote for "nothing"
 * (`UNKNOWN`) is nothing.
 */
export function projectInfo(metadata: CoreMetadata): Record<string, unknown> {
  const { one, all } = valuesOf(metadata);
  return {
    author: one('author'),
    author_email: one('author-email'),
    bugtrack_url: null,
    classifiers: all('classifier'),
    description: isUnknown(metadata.description) ? '' : metadata.description,
    description_content_type: one('description-content-type'),
    docs_url: null,
    download_url: one('download-url'),
    downloads: { last_day: -1, last_month: -1, last_week: -1 },
    dynamic: orNull(all('dynamic').map(titled)),
    home_page: one('home-page'),
    keywords: keywords(one('keywords')),
    license: multiline(metadata, 'license'),
    license_expression: one('license-expression'),
    license_files: orNull(all('license-file')),
    maintainer: one('maintainer'),
    maintainer_email: one('maintainer-email'),
    name: metadata.name,
    package_url: null,
    platform: one('platform'),
    project_url: null,
    project_urls: projectUrls({ homePage: one('home-page'), download: one('download-url'), labelled: all('project-url') }),
    provides_extra: orNull(all('provides-extra')),
    release_url: null,
    requires_dist: orNull(all('requires-dist')),
    requires_python: one('requires-python'),
    summary: one('summary'),
    version: metadata.version,
    yanked: false,
    yanked_reason: null,
  };
}

/** Values that say something, each in one line. */
function valuesOf({ fields }: CoreMetadata): { one(field: string): string | null; all(field: string): string[] } {
  const all = (field: string): string[] => (fields.get(field) ?? []).filter((value) => !isUnknown(value)).map(unfolded);
  return { all, one: (field) => all(field)[0] ?? null };
}

function multiline({ fields }: CoreMetadata, field: string): string | null {
  const value = fields.get(field)?.find((candidate) => !isUnknown(candidate));
  return value === undefined ? null : unindented(value);
}

function unfolded(value: string): string {
  return value.split('\n').map((line) => line.trim()).join(' ');
}

function isUnknown(value: string | null): boolean {
  return value === null || ['', 'UNKNOWN'].includes(value.trim());
}

function orNull(values: readonly string[]): readonly string[] | null {
  return values.length === 0 ? null : values;
}

/** `license-file` as `License-File`. */
function titled(field: string): string {
  return field.toLowerCase().replace(/(?<![a-z])[a-z]/g, (letter) => letter.toUpperCase());
}

function keywords(value: string | null): string | null {
  return value === null ? null : value.split(',').map((word) => word.trim()).join(', ');
}

/** Label to URL: the two fields of old, then `Project-URL`, which says them again under labels that PEP 753 compares so. */
function projectUrls(urls: { readonly homePage: string | null; readonly download: string | null; readonly labelled: readonly string[] }): Record<string, string> | null {
  const found = new Map<string, string>();
  if (urls.homePage !== null) {
    found.set('Homepage', urls.homePage);
  }
  if (urls.download !== null) {
    found.set('Download', urls.download);
  }
  for (const pair of urls.labelled) {
    const comma = pair.indexOf(',');
    const [label, url] = [pair.slice(0, Math.max(0, comma)).trim(), pair.slice(comma + 1).trim()];
    const plain = label.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
    const said = (plain === 'homepage' && url === urls.homePage) || (plain === 'downloadurl' && url === urls.download);
    if (label !== '' && url !== '' && !said) {
      found.set(label, url);
    }
  }
  return found.size === 0 ? null : Object.fromEntries(found);
}
