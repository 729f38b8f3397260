import { describe, expect, it } from 'vitest';

import { fileUrlsIn } from './file-urls.ts';
import { bareFile, OTHER_SHA256, pageOf, SHA256, WHOLE_FILE } from './sample-pages.contract.ts';
import { encodeListJson, encodeProjectJson } from './simple-json.ts';

const URLS = fileUrlsIn('https://index.example.com/files/sample');

function shown(page: Parameters<typeof encodeProjectJson>[0]): Record<string, unknown> & { files: Record<string, unknown>[] } {
  return JSON.parse(encodeProjectJson(page, URLS).toString()) as ReturnType<typeof shown>;
}

describe('the page of a project in JSON', () => {
  it('has all that is known, and none of the deprecated keys', () => {
    expect(shown(pageOf([WHOLE_FILE], { status: { status: 'archived', reason: 'no more' } }))).toEqual({
      meta: { 'api-version': '1.4' },
      name: 'sample',
      'project-status': { status: 'archived', reason: 'no more' },
      versions: ['1.0'],
      files: [
        {
          filename: 'sample-1.0-py3-none-any.whl',
          url: 'https://index.example.com/files/sample/sample-1.0-py3-none-any.whl',
          hashes: WHOLE_FILE.hashes,
          'requires-python': '>=3.9,<4',
          size: 1234,
          'upload-time': '2026-01-02T03:04:05.678901Z',
          yanked: 'broken "badly" <b>',
          'core-metadata': { sha256: OTHER_SHA256 },
          provenance: 'https://index.example.com/files/sample/sample-1.0-py3-none-any.whl.provenance',
          'gpg-sig': false,
        },
      ],
    });
  });

  it('leaves out what nobody knows, and calls itself by the version that allows it', () => {
    expect(shown(pageOf([bareFile('sample-1.0.tar.gz', { version: '1.0' })]))).toEqual({
      meta: { 'api-version': '1.0' },
      name: 'sample',
      versions: ['1.0'],
      files: [{ filename: 'sample-1.0.tar.gz', url: 'https://index.example.com/files/sample/sample-1.0.tar.gz', hashes: {}, yanked: false, 'core-metadata': false }],
    });
  });

  it('keeps what is known of one file where the size of another is not', () => {
    const page = shown(pageOf([WHOLE_FILE, bareFile('sample-2.0.tar.gz')]));

    expect(page['meta']).toEqual({ 'api-version': '1.0' });
    expect(page.files[0]).toMatchObject({ size: 1234, 'upload-time': '2026-01-02T03:04:05.678901Z' });
    expect(page.files[1]).not.toHaveProperty('size');
  });

  it.each([
    [null, false],
    ['', true],
    ['why', 'why'],
  ])('says of a yank %j: %j', (yanked, value) => {
    expect(shown(pageOf([bareFile('sample-1.0.tar.gz', { yanked })])).files[0]?.['yanked']).toBe(value);
  });

  it('is of the newest version where there is no file', () => {
    expect(shown(pageOf([]))).toEqual({ meta: { 'api-version': '1.4' }, name: 'sample', versions: [], files: [] });
  });

  it('offers no file of a quarantined project', () => {
    const page = shown(pageOf([WHOLE_FILE], { status: { status: 'quarantined', reason: null } }));

    expect(page).toMatchObject({ 'project-status': { status: 'quarantined' }, versions: [], files: [] });
    expect(page['project-status']).not.toHaveProperty('reason');
  });

  it('has no half of a surrogate pair, for which clients refuse all of it', () => {
    const text = encodeProjectJson(pageOf([bareFile('sample-1.0\ud800.zip', { version: '\ud800', yanked: '\udc00', requiresPython: '\ud800' })], { status: { status: 'active', reason: '\ud800' } }), URLS).toString();

    expect(text).not.toMatch(/\\ud[89a-f]/);
    expect(text).toContain('%EF%BF%BD');
  });

  it('escapes names of files in URLs', () => {
    expect(shown(pageOf([bareFile('sample-1!2.0+cu1 #?%.whl', { hashes: { sha256: SHA256 } })])).files[0]?.['url']).toBe('https://index.example.com/files/sample/sample-1!2.0%2Bcu1%20%23%3F%25.whl');
  });
});

it('lists projects', () => {
  expect(JSON.parse(encodeListJson(new Set(['a', 'b-c'])).toString())).toEqual({ meta: { 'api-version': '1.4' }, projects: [{ name: 'a' }, { name: 'b-c' }] });
});
