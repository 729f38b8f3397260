import { describe, expect, it } from 'vitest';

import { fileUrlsIn } from './file-urls.ts';
import { bareFile, MD5, OTHER_SHA256, pageOf, SHA256, WHOLE_FILE } from './sample-pages.contract.ts';
import { encodeListHtml, encodeProjectHtml } from './simple-html.ts';

const URLS = fileUrlsIn('../../files/sample/');

function lines(page: Parameters<typeof encodeProjectHtml>[0]): string[] {
  return encodeProjectHtml(page, URLS).toString().split('\n');
}

function anchors(page: Parameters<typeof encodeProjectHtml>[0]): string[] {
  return lines(page).filter((line) => line.startsWith('<a '));
}

describe('the page of a project in HTML', () => {
  it('has all that HTML can say', () => {
    expect(anchors(pageOf([WHOLE_FILE]))).toEqual([
      `<a href="../../files/sample/sample-1.0-py3-none-any.whl#sha256=${SHA256}" data-requires-python="&gt;=3.9,&lt;4" data-yanked="broken &quot;badly&quot; &lt;b&gt;" data-core-metadata="sha256=${OTHER_SHA256}" data-dist-info-metadata="sha256=${OTHER_SHA256}" data-gpg-sig="false" data-provenance="../../files/sample/sample-1.0-py3-none-any.whl.provenance">sample-1.0-py3-none-any.whl</a><br />`,
    ]);
  });

  it('says nothing of what nobody knows', () => {
    expect(anchors(pageOf([bareFile('sample-1.0.tar.gz')]))).toEqual(['<a href="../../files/sample/sample-1.0.tar.gz">sample-1.0.tar.gz</a><br />']);
  });

  it.each([
    [{ md5: MD5, sha512: 'a', sha256: SHA256 }, `#sha256=${SHA256}`],
    [{ md5: MD5, sha384: 'b', sha512: 'a' }, '#sha512=a'],
    [{ md5: MD5, blake2b_256: SHA256, sha1: 'c' }, `#md5=${MD5}`],
    [{ blake2b_256: SHA256 }, ''],
  ])('shows the best hash that clients check: %j', (hashes, fragment) => {
    expect(anchors(pageOf([bareFile('sample-1.0.zip', { hashes })]))).toEqual([`<a href="../../files/sample/sample-1.0.zip${fragment}">sample-1.0.zip</a><br />`]);
  });

  it('says its version, and the status of the project', () => {
    const metas = lines(pageOf([], { status: { status: 'deprecated', reason: 'use "other" > this\n' } })).filter((line) => line.startsWith('<meta name'));

    expect(metas).toEqual([
      '<meta name="pypi:repository-version" content="1.4">',
      '<meta name="pypi:project-status" content="deprecated">',
      '<meta name="pypi:project-status-reason" content="use &quot;other&quot; &gt; this&#10;">',
    ]);
  });

  it('says no status where none is set', () => {
    expect(lines(pageOf([WHOLE_FILE])).filter((line) => line.startsWith('<meta name'))).toEqual(['<meta name="pypi:repository-version" content="1.4">']);
  });

  it('offers no file of a quarantined project', () => {
    expect(anchors(pageOf([WHOLE_FILE], { status: { status: 'quarantined', reason: null } }))).toEqual([]);
  });

  it('is read by the regular expression of a client, however hostile its texts are', () => {
    const hostile = [`sample-1.0<script>alert('1')</script>.zip`, 'sample-1.0"> <a href="x".zip', 'sample-1.0&amp;.zip'];

    const html = encodeProjectHtml(pageOf(hostile.map((filename) => bareFile(filename, { yanked: 'a\r\n</a>\t"\0', requiresPython: `'>'` }))), URLS).toString();

    const texts = Array.from(html.matchAll(/<a [^>]+>([^<]+)<\/a>/g), ([, text]) => text);
    expect(texts).toEqual(['sample-1.0&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;.zip', 'sample-1.0&quot;&gt; &lt;a href=&quot;x&quot;.zip', 'sample-1.0&amp;amp;.zip']);
    expect(html).not.toContain('<script');
    expect(html).not.toMatch(/[\r\0]/);
  });
});

it('lists projects', () => {
  const html = encodeListHtml(['a', 'b<c'], (name) => `/simple/${name}/`).toString();

  expect(html).toContain('<meta name="pypi:repository-version" content="1.4">');
  expect(html.split('\n').filter((line) => line.startsWith('<a '))).toEqual(['<a href="/simple/a/">a</a><br />', '<a href="/simple/b&lt;c/">b&lt;c</a><br />']);
});
