import { describe, expect, it } from 'vitest';

import { parseCoreMetadata } from './core-metadata.ts';
import { projectInfo } from './project-info.ts';

function infoOf(text: string): Record<string, unknown> {
  return projectInfo(parseCoreMetadata(Buffer.from(text)));
}

const NOTHING = {
  author: null,
  author_email: null,
  bugtrack_url: null,
  classifiers: [],
  description: '',
  description_content_type: null,
  docs_url: null,
  download_url: null,
  downloads: { last_day: -1, last_month: -1, last_week: -1 },
  dynamic: null,
  home_page: null,
  keywords: null,
  license: null,
  license_expression: null,
  license_files: null,
  maintainer: null,
  maintainer_email: null,
  name: null,
  package_url: null,
  platform: null,
  project_url: null,
  project_urls: null,
  provides_extra: null,
  release_url: null,
  requires_dist: null,
  requires_python: null,
  summary: null,
  version: null,
  yanked: false,
  yanked_reason: null,
};

describe('projectInfo', () => {
  it('has every member, whatever is missing', () => {
    expect(infoOf('')).toEqual(NOTHING);
    expect(infoOf('Summary: UNKNOWN\nLicense: UNKNOWN\nPlatform: UNKNOWN\nHome-page: UNKNOWN\nKeywords:\nRequires-Dist:\n\nUNKNOWN\n\n')).toEqual(NOTHING);
  });

  it('shows all fields', () => {
    const info = infoOf(
      [
        'Metadata-Version: 2.4',
        'Name: Foo.Bar',
        'Version: 1.0',
        'Dynamic: license-file',
        'Dynamic: Requires-dist',
        'Platform: any',
        'Platform: linux',
        'Summary: a',
        '  summary',
        'Description-Content-Type: text/markdown; charset=UTF-8',
        'Keywords: a,b ,  c d',
        'Home-page: https://example.com/',
        'Download-URL: https://example.com/download',
        'Author: A',
        'Author-email: A <a@example.com>',
        'Maintainer: M',
        'Maintainer-email: m@example.com',
        'License-Expression: MIT OR Apache-2.0',
        'License-File: LICENSE',
        'License-File: NOTICE',
        'Classifier: A :: B',
        'Classifier: C :: D',
        'Requires-Dist: x>=1',
        'Requires-Dist: y; extra == "z"',
        'Requires-Python: >=3.9',
        'Project-URL: home-page, https://example.com/',
        'Project-URL: Docs, https://example.com/docs?a,b',
        'Project-URL: no label',
        'Project-URL: , https://example.com/none',
        'Provides-Extra: z',
        '',
        '# Foo',
        '',
      ].join('\n'),
    );

    expect(info).toEqual({
      ...NOTHING,
      author: 'A',
      author_email: 'A <a@example.com>',
      classifiers: ['A :: B', 'C :: D'],
      description: '# Foo\n',
      description_content_type: 'text/markdown; charset=UTF-8',
      download_url: 'https://example.com/download',
      dynamic: ['License-File', 'Requires-Dist'],
      home_page: 'https://example.com/',
      keywords: 'a, b, c d',
      license_expression: 'MIT OR Apache-2.0',
      license_files: ['LICENSE', 'NOTICE'],
      maintainer: 'M',
      maintainer_email: 'm@example.com',
      name: 'Foo.Bar',
      platform: 'any',
      project_urls: { Homepage: 'https://example.com/', Download: 'https://example.com/download', Docs: 'https://example.com/docs?a,b' },
      provides_extra: ['z'],
      requires_dist: ['x>=1', 'y; extra == "z"'],
      requires_python: '>=3.9',
      summary: 'a summary',
      version: '1.0',
    });
  });

  it('keeps the lines of a license', () => {
    expect(infoOf('License: MIT\n        \n          Permission\n        is').license).toBe('MIT\n\n  Permission\nis');
  });

  it('takes any label of a URL for what it is', () => {
    const urls = infoOf('Project-URL: __proto__, https://example.com/').project_urls as object;

    expect(Object.entries(urls)).toEqual([['__proto__', 'https://example.com/']]);
  });

  it('is quick with what is hostile', () => {
    const started = performance.now();

    infoOf(`Summary: a${' '.repeat(1_000_000)}b\nKeywords: ${','.repeat(1_000_000)}\nLicense: a\n ${' '.repeat(1_000_000)}b\n${'Project-URL: a, b\n'.repeat(50_000)}`);

    expect(performance.now() - started).toBeLessThan(3_000);
  });
});
