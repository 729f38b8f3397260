import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { relativeUrl } from './relative-url.ts';

describe('relativeUrl', () => {
  it.each([
    ['/terraform/providers/v1/acme/demo/1.0.0/download/linux/amd64', '/terraform/files/token/demo.zip', '../../../../../../../files/token/demo.zip'],
    ['/providers/v1/acme/demo/1.0.0/download/linux/amd64', '/files/token/demo.zip', '../../../../../../../files/token/demo.zip'],
    ['/mirror/example.com:8443/acme/demo/1.0.0.json', '/files/token/demo.zip', '../../../../files/token/demo.zip'],
    ['/files/document', '/files/token/demo.zip', './token/demo.zip'],
    ['/document', '/files/token/demo.zip', './files/token/demo.zip'],
    ['/a/b/document', '/file', '../../file'],
    ['/modules/v1/a/b/c/1.0.0/download', '/files/t/m.zip?archive=zip&checksum=sha256:00', '../../../../../../files/t/m.zip?archive=zip&checksum=sha256:00'],
    ['/files/files/x', '/files/y', '../y'],
  ])('from %s to %s', (from, to, expected) => {
    expect(relativeUrl(from, to)).toBe(expected);
  });

  const segments = fc.array(fc.oneof(fc.stringMatching(/^[A-Za-z0-9_~:+@=-][A-Za-z0-9._~:+@=-]{0,9}$/), fc.constantFrom('files', 'v1', 'a', '%2F', '%20', 'x:')), { minLength: 1, maxLength: 7 });
  const paths = segments.map((parts) => `/${parts.join('/')}`);
  const queries = fc.constantFrom('', '?archive=zip', '?a=b&c=d/../e', '?a?b');

  it('leads to the file, below any prefix', () => {
    fc.assert(
      fc.property(paths, paths, queries, fc.oneof(fc.constant(''), paths), (from, to, query, prefix) => {
        const relative = relativeUrl(from, `${to}${query}`);

        expect(relative).toMatch(/^\.\.?\//);
        expect(new URL(relative, `https://example.com${prefix}${from}`).href).toBe(new URL(`https://example.com${prefix}${to}${query}`).href);
      }),
    );
  });

  it('is the same with the prefix and without', () => {
    fc.assert(
      fc.property(paths, paths, paths, (from, to, prefix) => {
        expect(relativeUrl(`${prefix}${from}`, `${prefix}${to}`)).toBe(relativeUrl(from, to));
      }),
    );
  });
});
