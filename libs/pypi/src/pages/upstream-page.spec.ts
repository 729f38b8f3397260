import { describe, expect, it } from 'vitest';

import type { UpstreamPage } from '../model/project-page.ts';
import { bareUpstreamFile, MD5, OTHER_SHA256, SHA256 } from './sample-pages.contract.ts';
import { decodeUpstreamPage } from './upstream-page.ts';

const URL_OF_PAGE = 'https://mirror.example.com/simple/sample/';
const JSON_TYPE = 'application/vnd.pypi.simple.v1+json';

function decoded(text: string, contentType: string, url = URL_OF_PAGE): UpstreamPage | null {
  return decodeUpstreamPage({ bytes: Buffer.from(text), contentType, url }, 'sample');
}

function html(...body: string[]): UpstreamPage | null {
  return decoded(`<!DOCTYPE html>\n<html><body>\n${body.join('\n')}\n</body></html>`, 'text/html');
}

function json(document: Record<string, unknown>): UpstreamPage | null {
  return decoded(JSON.stringify(document), JSON_TYPE);
}

function jsonFile(entry: Record<string, unknown>): UpstreamPage['files'][number] | undefined {
  return json({ files: [{ filename: 'sample-1.0.tar.gz', url: 'sample-1.0.tar.gz', hashes: {}, ...entry }] })?.files[0];
}

describe('a page in HTML', () => {
  it('of an old-fashioned directory listing', () => {
    const page = html(
      '<h1>Index of /simple/sample</h1><hr><pre><a href="../">../</a>',
      '<a href="?C=M;O=A">Last modified</a> <a name="top">top</a> <a href="">here</a> <a href="https://example.com/">Home page</a>',
      '<a href="sample-1.0.tar.gz">sample-1.0.t..&gt;</a>   01-Jan-2020 00:00   4711',
      '<a href="sample-1.0.tar.gz.asc">sample-1.0.tar.gz.asc</a>',
    );

    expect(page).toEqual({ name: 'sample', status: null, versions: ['1.0'], files: [bareUpstreamFile('https://mirror.example.com/simple/sample/sample-1.0.tar.gz', { version: '1.0' })] });
  });

  it('with all that HTML can say', () => {
    const page = html(
      '<meta name="pypi:repository-version" content="1.4"><meta name="pypi:project-status" content="archived"><META NAME="pypi:project-status-reason" CONTENT="use &quot;other&quot;">',
      `<a href="../../files/sample-2.0-py3-none-any.whl#sha256=${SHA256}" data-requires-python="&gt;=3.9,&lt;4" data-yanked="bad &amp;&#10;worse" data-core-metadata="sha256=${OTHER_SHA256.toUpperCase()}" data-dist-info-metadata="true" data-gpg-sig="true" data-provenance="https://integrity.example.com/p">other text</a><br/>`,
    );

    expect(page?.status).toEqual({ status: 'archived', reason: 'use "other"' });
    expect(page?.files).toEqual([
      bareUpstreamFile('https://mirror.example.com/files/sample-2.0-py3-none-any.whl', {
        version: '2.0',
        hashes: { sha256: SHA256 },
        requiresPython: '>=3.9,<4',
        yanked: 'bad &\nworse',
        metadataSha256: OTHER_SHA256,
        gpgSignature: true,
        hasProvenance: true,
        provenanceUrl: 'https://integrity.example.com/p',
      }),
    ]);
  });

  it('of a wheel index without /simple/, with local versions and files on another host', () => {
    const page = decoded(
      '<html><body><a href="/whl/cpu/sample-2.1.0%2Bcpu-cp312-cp312-linux_x86_64.whl#sha256=' + SHA256 + '" data-core-metadata="true">sample-2.1.0+cpu-cp312-cp312-linux_x86_64.whl</a><br/>\n<a href="//cdn.example.net/whl/sample-2.1.0+cu128-cp312-cp312-linux_x86_64.whl">x</a>',
      'text/html',
      'https://download.example.org/whl/cpu/sample/',
    );

    expect(page?.versions).toEqual(['2.1.0+cpu', '2.1.0+cu128']);
    expect(page?.files.map(({ url, filename, metadataSha256 }) => [url, filename, metadataSha256])).toEqual([
      ['https://download.example.org/whl/cpu/sample-2.1.0%2Bcpu-cp312-cp312-linux_x86_64.whl', 'sample-2.1.0+cpu-cp312-cp312-linux_x86_64.whl', null],
      ['https://cdn.example.net/whl/sample-2.1.0+cu128-cp312-cp312-linux_x86_64.whl', 'sample-2.1.0+cu128-cp312-cp312-linux_x86_64.whl', null],
    ]);
  });

  it.each([
    ['<base href="https://cdn.example.net/base/index.html">', 'files/sample-1.zip', 'https://cdn.example.net/base/files/sample-1.zip'],
    ['<base href="/up/">', 'sample-1.zip', 'https://mirror.example.com/up/sample-1.zip'],
    ['<base target="_top"><base href="/first/"><base href="/second/">', 'sample-1.zip', 'https://mirror.example.com/first/sample-1.zip'],
    ['<base href="file:///etc/">', 'sample-1.zip', 'https://mirror.example.com/simple/sample/sample-1.zip'],
    ['', '/sample-1.zip?token=a&amp;b=c#egg=sample', 'https://mirror.example.com/sample-1.zip?token=a&b=c'],
    ['', ' sample-1.zip ', 'https://mirror.example.com/simple/sample/sample-1.zip'],
    ['', 'https://user:secret@files.example.com/sample-1.zip', 'https://files.example.com/sample-1.zip'],
  ])('resolves after %s the link %s', (base, href, url) => {
    expect(html(base, `<a href="${href}">x</a>`)?.files.map((file) => file.url)).toEqual([url]);
  });

  it('does not hand on the user that its own URL names', () => {
    const page = decoded('<html><a href="sample-1.zip">x</a>', 'text/html', 'https://user:secret@mirror.example.com/simple/sample/');

    expect(page?.files[0]?.url).toBe('https://mirror.example.com/simple/sample/sample-1.zip');
  });

  it.each(['javascript:alert(1)//sample-1.zip', 'file:///srv/sample-1.zip', 'ftp://example.com/sample-1.zip', 'sample-1.zip/', 'download?file=sample-1.zip', 'a%2Fb.zip', '%2E%2E%5Cb.zip', 'sample-1%ff.zip', 'sample%00-1.zip', 'https://[/sample-1.zip', 'sample-1.0-py3-none-any.whl.metadata'])(
    'leaves out %s',
    (href) => {
      expect(html(`<a href="${href}">x</a>`, '<a href="sample-2.zip">x</a>')?.files.map(({ filename }) => filename)).toEqual(['sample-2.zip']);
    },
  );

  it.each([
    [`#md5=${MD5}`, { md5: MD5 }],
    [`#SHA256=${SHA256.toUpperCase()}`, { sha256: SHA256 }],
    [`#sha512=${SHA256}${SHA256}`, { sha512: `${SHA256}${SHA256}` }],
    [`#blake2b_256=${SHA256}`, { blake2b_256: SHA256 }],
    [`#egg=sample&amp;sha256=${SHA256}&amp;md5=${MD5}`, { sha256: SHA256, md5: MD5 }],
    [`#sha256=${MD5}`, {}],
    [`#sha256=${'x'.repeat(64)}`, {}],
    ['#main', {}],
    ['#', {}],
    ['', {}],
  ])('reads hashes of %s', (fragment, hashes) => {
    expect(html(`<a href="sample-1.zip${fragment}">x</a>`)?.files[0]).toMatchObject({ hashes, url: 'https://mirror.example.com/simple/sample/sample-1.zip' });
  });

  it('keeps a yank without a reason, and says no requirement where it is empty', () => {
    expect(html('<a href="sample-1.zip" data-yanked data-requires-python="">x</a>')?.files[0]).toMatchObject({ yanked: '', requiresPython: null });
  });

  it('keeps names that follow no rule, and archives of all kinds', () => {
    const names = ['sample.zip', 'sample-1.0.tar.Z', 'sample-1.0.win32-py2.7.exe', 'sample-1.0-py2.7.egg', 'sample-1.0-1.noarch.rpm', 'my sample-1.0.tbz'];

    expect(html(...names.map((name) => `<a href='${encodeURIComponent(name)}'>x</a>`))?.files.map(({ filename }) => filename)).toEqual(names);
  });

  it('reads no links in comments, scripts and texts', () => {
    const page = html('<!-- <a href="sample-1.zip">x</a> --><script>"<a href=\'sample-2.zip\'>"</script><title><a href="sample-3.zip"></title>&lt;a href="sample-4.zip"&gt;', '<a href="sample-5.zip">x');

    expect(page?.files.map(({ filename }) => filename)).toEqual(['sample-5.zip']);
  });

  it('takes no time that grows with the square of what is left open', { timeout: 10_000 }, () => {
    expect(html('<b>'.repeat(200_000), '<a href="sample-1.zip">x</a>')?.files).toHaveLength(1);
  });

  it.each([
    ['<!DOCTYPE html><title>Links for sample</title>', true],
    ['<html><body><h1>Links for sample</h1></body></html>', true],
    ['<meta name="pypi:repository-version" content="1.0"><form>', true],
    ['<html><form action="/login"><input name="password"></form></html>', false],
    ['<html><script>location = "/login"</script></html>', false],
    ['<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', false],
    ['', false],
    ['Service unavailable', false],
    ['<html><meta name="pypi:repository-version" content="2.0"><a href="sample-1.zip">x</a></html>', false],
  ])('without files is an empty project only if it looks like an index: %s', (text, isPage) => {
    expect(decoded(text, 'text/html; charset=utf-8') !== null).toBe(isPage);
  });
});

describe('a page in JSON', () => {
  it('with all that JSON can say', () => {
    const page = json({
      meta: { 'api-version': '1.4', '_last-serial': 1 },
      name: 'Sample',
      'project-status': { status: 'deprecated', reason: 'use other' },
      versions: ['1.0', '0.9'],
      files: [
        {
          filename: 'sample-1.0-py3-none-any.whl',
          url: 'https://files.example.com/aa/bb/sample-1.0-py3-none-any.whl',
          hashes: { sha256: SHA256, md5: MD5 },
          'requires-python': '>=3.9',
          size: 4711,
          'upload-time': '2026-01-02T03:04:05.678901Z',
          yanked: 'broken',
          'core-metadata': { sha256: OTHER_SHA256 },
          'dist-info-metadata': true,
          'gpg-sig': false,
          provenance: 'https://integrity.example.com/p',
        },
      ],
    });

    expect(page).toEqual({
      name: 'sample',
      status: { status: 'deprecated', reason: 'use other' },
      versions: ['1.0', '0.9'],
      files: [
        bareUpstreamFile('https://files.example.com/aa/bb/sample-1.0-py3-none-any.whl', {
          version: '1.0',
          hashes: { sha256: SHA256, md5: MD5 },
          requiresPython: '>=3.9',
          size: 4711,
          uploadTime: '2026-01-02T03:04:05.678901Z',
          yanked: 'broken',
          metadataSha256: OTHER_SHA256,
          gpgSignature: false,
          hasProvenance: true,
          provenanceUrl: 'https://integrity.example.com/p',
        }),
      ],
    });
  });

  it.each([
    ['../../files/sample-1.0.tar.gz#sha256=x', 'https://mirror.example.com/files/sample-1.0.tar.gz'],
    ['//cdn.example.net/a%2Bb', 'https://cdn.example.net/a%2Bb'],
    ['https://user:secret@files.example.com/a+b', 'https://files.example.com/a+b'],
  ])('resolves %s', (url, absolute) => {
    expect(jsonFile({ url })?.url).toBe(absolute);
  });

  it('leaves out malformed files, not the page', () => {
    const sound = { filename: 'sample-2.0.tar.gz', url: 'x' };

    const page = json({ files: [null, 'x', [], {}, { ...sound, filename: 7 }, { ...sound, url: null }, { ...sound, url: 'file:///x' }, { ...sound, filename: '../x.zip' }, { ...sound, filename: '..' }, { ...sound, filename: '' }, { ...sound, filename: 'a\nb.zip' }, { ...sound, filename: 'a\ud800.zip' }, sound] });

    expect(page?.files).toEqual([bareUpstreamFile('https://mirror.example.com/simple/sample/x', { filename: 'sample-2.0.tar.gz', version: '2.0' })]);
  });

  it.each([
    [{ size: 2 ** 53 }, { size: null }],
    [{ size: -1 }, { size: null }],
    [{ size: '12' }, { size: null }],
    [{ size: 0 }, { size: 0 }],
    [{ size: 3_000_000_000 }, { size: 3_000_000_000 }],
    [{ yanked: true }, { yanked: '' }],
    [{ yanked: false }, { yanked: null }],
    [{ yanked: null }, { yanked: null }],
    [{ yanked: '' }, { yanked: '' }],
    [{ yanked: 'why' }, { yanked: 'why' }],
    [{ yanked: { odd: 1 } }, { yanked: '' }],
    [{ 'core-metadata': true }, { metadataSha256: null }],
    [{ 'core-metadata': false, 'dist-info-metadata': { sha256: SHA256 } }, { metadataSha256: null }],
    [{ 'dist-info-metadata': { sha256: SHA256 } }, { metadataSha256: SHA256 }],
    [{ 'data-dist-info-metadata': { sha256: SHA256 } }, { metadataSha256: SHA256 }],
    [{ 'core-metadata': { sha256: 'x' } }, { metadataSha256: null }],
    [{ 'upload-time': '2026-01-02T03:04:05Z' }, { uploadTime: '2026-01-02T03:04:05Z' }],
    [{ 'upload-time': '2026-01-02T03:04:05.123456' }, { uploadTime: '2026-01-02T03:04:05.123456Z' }],
    [{ 'upload-time': '2026-01-02T03:04:05.1234567Z' }, { uploadTime: '2026-01-02T03:04:05.123456Z' }],
    [{ 'upload-time': '2026-01-01T01:04:05.5+02:00' }, { uploadTime: '2025-12-31T23:04:05.5Z' }],
    [{ 'upload-time': '2026-02-30T24:00:00Z' }, { uploadTime: '2026-03-03T00:00:00Z' }],
    [{ 'upload-time': '0000-01-01T00:00:00Z' }, { uploadTime: null }],
    [{ 'upload-time': '2026-01-02T03:04:05123Z' }, { uploadTime: null }],
    [{ 'upload-time': '' }, { uploadTime: null }],
    [{ 'upload-time': '2026-13-02T03:04:05Z' }, { uploadTime: null }],
    [{ 'upload-time': 'yesterday' }, { uploadTime: null }],
    [{ 'upload-time': 5 }, { uploadTime: null }],
    [{ 'requires-python': null }, { requiresPython: null }],
    [{ 'requires-python': '' }, { requiresPython: null }],
    [{ hashes: null }, { hashes: {} }],
    [{ hashes: { SHA256: SHA256.toUpperCase(), md5: 1, shake_128: MD5, ['__proto__']: MD5, 'a b': MD5 } }, { hashes: { sha256: SHA256, shake_128: MD5 } }],
    [{ provenance: null }, { hasProvenance: false, provenanceUrl: null }],
    [{ provenance: 'javascript:1' }, { hasProvenance: false, provenanceUrl: null }],
    [{ 'gpg-sig': 'yes' }, { gpgSignature: null }],
  ])('takes of a file what is sound: %j', (entry, expected) => {
    expect(jsonFile(entry)).toMatchObject(expected);
  });

  it.each([
    [{ 'project-status': { status: 'archived' } }, { status: 'archived', reason: null }],
    [{ meta: { 'project-status': { status: 'quarantined', reason: 'evil' } } }, { status: 'quarantined', reason: 'evil' }],
    [{ 'project-status': 'deprecated' }, { status: 'deprecated', reason: null }],
    [{ 'project-status': { status: 'sleeping' } }, null],
    [{ 'project-status': null }, null],
    [{}, null],
  ])('has the status of %j', (document, status) => {
    expect(json({ ...document, files: [] })?.status).toEqual(status);
  });

  it('shows each version once, those of files included', () => {
    const files = ['sample-1.0.tar.gz', 'sample-2.0.tar.gz', 'sample-2.0-py3-none-any.whl', 'sample-odd.zip'].map((filename) => ({ filename, url: filename }));

    expect(json({ versions: ['1.0.0', '1.0', '', 7, 'old-one'], files })?.versions).toEqual(['1.0.0', 'old-one', '2.0', 'odd']);
  });

  it('shows each file once, the first', () => {
    const page = json({ files: ['a', 'b'].map((url) => ({ filename: 'sample-1.0.tar.gz', url })) });

    expect(page?.files.map(({ url }) => url)).toEqual(['https://mirror.example.com/simple/sample/a']);
  });

  it.each([['{"files": 1}'], ['{"message": "not found"}'], ['{"files": ['], ['[]'], ['{"meta": {"api-version": "2.0"}, "files": []}'], ['{"meta": {"api-version": "10.0"}, "files": []}']])('is null for %s', (text) => {
    expect(decoded(text, JSON_TYPE)).toBeNull();
  });
});

describe('the form of a page', () => {
  const JSON_TEXT = '{"files": [{"filename": "sample-1.0.zip", "url": "sample-1.0.zip"}]}';
  const HTML_TEXT = '<a href="sample-1.0.zip">sample-1.0.zip</a>';

  it.each([JSON_TYPE, `${JSON_TYPE}; charset=utf-8`, 'application/json', 'text/html', 'text/html; charset=utf-8', 'application/vnd.pypi.simple.v1+html', 'text/plain', 'application/octet-stream', '', ';', 'nonsense'])(
    'is told by its first character where the type is %s',
    (contentType) => {
      const expected = [bareUpstreamFile('https://mirror.example.com/simple/sample/sample-1.0.zip', { version: '1.0' })];

      for (const text of [JSON_TEXT, HTML_TEXT, `\u{feff}${JSON_TEXT}`, `\u{feff}\r\n ${HTML_TEXT}`]) {
        expect(decoded(text, contentType)?.files).toEqual(expected);
      }
    },
  );

  it('is HTML at the word of the type where it begins with a text', () => {
    expect(decoded(`Links: ${HTML_TEXT}`, 'Text/HTML')?.files).toHaveLength(1);
    expect(decoded(`Links: ${HTML_TEXT}`, 'text/plain')).toBeNull();
  });

  it('takes bytes that are no UTF-8', () => {
    const bytes = Buffer.concat([Buffer.from('<html><!-- caf'), Buffer.from([0xe9]), Buffer.from(` -->${HTML_TEXT}`)]);

    expect(decodeUpstreamPage({ bytes, contentType: 'text/html; charset=iso-8859-1', url: URL_OF_PAGE }, 'sample')?.files).toHaveLength(1);
  });
});
