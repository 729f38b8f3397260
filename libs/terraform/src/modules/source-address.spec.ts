import fc from 'fast-check';
import { expect, it } from 'vitest';

import { parseSourceAddress } from './source-address.ts';

const isForge = (host: string): boolean => host === 'git.example.com';
const SHA256 = 'ab'.repeat(32);

function parse(text: string): ReturnType<typeof parseSourceAddress> {
  return parseSourceAddress(text, isForge);
}

const GIT = { kind: 'git', protocol: 'https:', host: 'git.example.com', path: 'acme/net', ref: null, subdirectory: null, authorization: null };
const WEB = { kind: 'web', url: 'https://files.example.com/net.zip', checksum: {}, subdirectory: null, authorization: null };

it.each([
  ['git::https://git.example.com/acme/net?ref=v1.0.0', { ref: 'v1.0.0' }],
  ['git::https://git.example.com/acme/net.git?ref=0123abc', { ref: '0123abc' }],
  ['git::https://git.example.com/acme/net//modules/vpc?ref=v1.0.0&depth=1', { ref: 'v1.0.0', subdirectory: 'modules/vpc' }],
  ['git::https://git.example.com/acme/net.git//./modules//vpc/?ref=v1', { ref: 'v1', subdirectory: 'modules/vpc' }],
  ['git::https://git.example.com/acme/net?depth=1&ref=release%2F1', { ref: 'release/1' }],
  ['git::https://GIT.example.com:443/acme/net/', {}],
  ['git::https://git.example.com:8443/group/sub/net.git?ref=v1', { host: 'git.example.com:8443', path: 'group/sub/net', ref: 'v1' }],
  ['git::http://git.example.com:80/acme/net?ref=v1', { protocol: 'http:', ref: 'v1' }],
  ['git::https://bob:s%40crt@git.example.com/acme/net?ref=v1', { ref: 'v1', authorization: `Basic ${Buffer.from('bob:s@crt').toString('base64')}` }],
  ['git::ssh://git@git.example.com/acme/net.git?ref=v1&sshkey=AAAA', { protocol: 'ssh:', ref: 'v1' }],
  ['git::ssh://git@GIT.example.com:22/acme/net.git', { protocol: 'ssh:' }],
  ['git::ssh://git@git.example.com:2222/acme/net.git', { protocol: 'ssh:', host: 'git.example.com:2222' }],
  ['ssh://git@git.example.com/acme/net.git?ref=v1', { protocol: 'ssh:', ref: 'v1' }],
  ['git@git.example.com:acme/net.git?ref=v1', { protocol: 'ssh:', ref: 'v1' }],
  ['git::git@git.example.com:acme/net.git//modules/vpc?ref=v1', { protocol: 'ssh:', ref: 'v1', subdirectory: 'modules/vpc' }],
  ['git@git.example.com:/acme/net.git', { protocol: 'ssh:' }],
  ['git::git.example.com:acme/net.git', { protocol: 'ssh:' }],
  ['git.example.com/acme/net?ref=v1', { ref: 'v1' }],
  ['git.example.com/acme/net//modules/vpc?ref=v1', { ref: 'v1', subdirectory: 'modules/vpc' }],
  ['git.example.com/acme/net/modules/vpc', { subdirectory: 'modules/vpc' }],
  ['https://git.example.com/acme/net.git?ref=v1', { ref: 'v1' }],
])('reads %s as one of git', (text, expected) => {
  expect(parse(text)).toEqual({ ...GIT, ...expected });
});

it.each([
  ['https://files.example.com/net.zip', {}],
  ['https://files.example.com/net.zip?archive=zip', {}],
  ['https://files.example.com/net.zip#part', {}],
  ['http::http://files.example.com/net.zip', { url: 'http://files.example.com/net.zip' }],
  ['https://files.example.com/net', { url: 'https://files.example.com/net' }],
  ['https://files.example.com/net.tgz//sub/x', { url: 'https://files.example.com/net.tgz', subdirectory: 'sub/x' }],
  ['https://api.example.com/repos/acme/net/tarball/v1//*?archive=tar.gz', { url: 'https://api.example.com/repos/acme/net/tarball/v1', subdirectory: '*' }],
  [`https://files.example.com/net.zip?checksum=sha256:${SHA256.toUpperCase()}`, { checksum: { sha256: SHA256 } }],
  [`https://files.example.com/net.zip?checksum=${SHA256}`, { checksum: { sha256: SHA256 } }],
  [`https://files.example.com/net.zip?checksum=SHA512%3A${'a'.repeat(128)}`, { checksum: { sha512: 'a'.repeat(128) } }],
  [`https://files.example.com/net.zip?checksum=sha1:${'a'.repeat(40)}`, { checksum: { sha1: 'a'.repeat(40) } }],
  [`https://files.example.com/net.zip?checksum=md5:${'a'.repeat(32)}`, { checksum: { md5: 'a'.repeat(32) } }],
  [`https://files.example.com/net.zip?b=1%20+%2f&archive=zip&a=2&checksum=md5:${'a'.repeat(32)}`, { url: 'https://files.example.com/net.zip?b=1%20+%2f&a=2', checksum: { md5: 'a'.repeat(32) } }],
  ['https://bob:secret@files.example.com/net.zip', { authorization: `Basic ${Buffer.from('bob:secret').toString('base64')}` }],
  ['https://files.example.com/net.zip?next=https://other.example.com//x', { url: 'https://files.example.com/net.zip?next=https://other.example.com//x' }],
])('reads %s as one of an archive', (text, expected) => {
  expect(parse(text)).toEqual({ ...WEB, ...expected });
});

it.each([
  ['s3::https://s3.example.com/bucket/net.zip', 's3'],
  ['gcs::https://storage.example.com/bucket/net.zip', 'gcs'],
  ['hg::https://hg.example.com/acme/net', 'hg'],
  ['hg::hg.example.com/acme/net', 'hg'],
  ['oci://registry.example.com/net?digest=sha256:aa', 'oci'],
  ['git::file:///srv/net.git', null],
  ['git::git://git.example.com/acme/net.git', 'git::git'],
  ['file::https://files.example.com/net.zip', 'file'],
])('leaves %s to go-getter', (text, getter) => {
  expect(parse(text)).toEqual(getter === null ? null : { kind: 'other', getter });
});

it.each(['', 'acme/net/aws', 'example.org/acme/net', './net', '/net', 'git.example.com/acme', 'https://', 'git::https://', 'git:: https://git.example.com/acme/net', 'https://files.example.com/net.zip\r\nx-evil: 1', `https://files.example.com/${'a'.repeat(9000)}`, '\ud800'])('finds no address in %j', (text) => {
  expect(parse(text)).toBeNull();
});

it.each([
  'git::https://git.example.com/acme/net//../../etc?ref=v1',
  'https://files.example.com/net.zip//a/../b',
  'https://files.example.com/net.tar.xz',
  'https://files.example.com/net.tbz2',
  'https://files.example.com/net.zip?archive=tar.bz2',
  'https://files.example.com/net.zip?checksum=file:https://files.example.com/sums',
  'https://files.example.com/net.zip?checksum=sha256:aa',
  `https://files.example.com/net.zip?checksum=md5:${SHA256}`,
  `https://files.example.com/net.zip?checksum=${'z'.repeat(64)}`,
])('says of %s that it cannot be fetched', (text) => {
  expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'unsupported' }));
});

it('reads back what it was made of', () => {
  const word = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
  const directories = fc.array(word, { maxLength: 3 });
  fc.assert(
    fc.property(fc.constantFrom('https:', 'http:'), word, word, directories, fc.option(word), (protocol, owner, name, inside, ref) => {
      const text = `git::${protocol}//git.example.com/${owner}/${name}.git${inside.length === 0 ? '' : `//${inside.join('/')}`}?depth=1${ref === null ? '' : `&ref=${ref}`}`;

      expect(parse(text)).toEqual({ ...GIT, protocol, path: `${owner}/${name}`, ref, subdirectory: inside.length === 0 ? null : inside.join('/') });
    }),
  );
});

it('takes any text', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.webUrl({ withQueryParameters: true }), fc.webUrl().map((url) => `git::${url}`), fc.string().map((text) => `git@${text}`)), (text) => {
      try {
        parse(text);
      } catch (error) {
        expect(error).toMatchObject({ code: 'unsupported' });
      }
    }),
    { numRuns: 500 },
  );
});
