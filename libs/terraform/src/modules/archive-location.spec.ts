import { expect, it } from 'vitest';

import type { ForgeKind } from '../config/terraform-section.ts';
import { archiveLocation } from './archive-location.ts';

const FORGES: Readonly<Record<string, ForgeKind>> = { 'github.example.com': 'github', 'gitlab.example.com': 'gitlab', 'gitea.example.com': 'gitea', 'bitbucket.example.com': 'bitbucket', 'git.example.com:3000': 'gitea' };

function locate(text: string, url = 'https://registry.example.com'): ReturnType<typeof archiveLocation> {
  const forge = (host: string): { readonly host: string; readonly kind: ForgeKind } | null => {
    const kind = FORGES[host];
    return kind === undefined ? null : { host, kind };
  };
  return archiveLocation(text, { hosts: { forge }, upstream: { host: 'registry.example.com', url }, subject: 'registry.example.com/acme/net/aws 1.0.0' });
}

it.each([
  ['git::https://github.example.com/acme/net?ref=v1.0.0', 'https://github.example.com/acme/net/archive/v1.0.0.tar.gz'],
  ['git::https://github.example.com/acme/net.git?ref=release/1 0'.replace(' ', '%2B'), 'https://github.example.com/acme/net/archive/release/1%2B0.tar.gz'],
  ['github.example.com/acme/net?ref=0123abcd', 'https://github.example.com/acme/net/archive/0123abcd.tar.gz'],
  ['git::ssh://git@gitlab.example.com:2222/group/sub/net.git?ref=v1/x', 'https://gitlab.example.com/group/sub/net/-/archive/v1/x/net-v1-x.tar.gz'],
  ['git@gitea.example.com:acme/net.git?ref=v1', 'https://gitea.example.com/acme/net/archive/v1.tar.gz'],
  ['git::https://git.example.com:3000/acme/net?ref=v1', 'https://git.example.com:3000/acme/net/archive/v1.tar.gz'],
  ['git::https://bitbucket.example.com/acme/net?ref=v1', 'https://bitbucket.example.com/acme/net/get/v1.tar.gz'],
  ['git::https://bitbucket.example.com/scm/acme/net.git?ref=release/v1', 'https://bitbucket.example.com/rest/api/latest/projects/acme/repos/net/archive?at=release%2Fv1&format=tgz&prefix=module'],
])('asks the forge of %s for an archive', (text, url) => {
  expect(locate(text)).toMatchObject({ url, wrapped: true, subdirectory: null, checksum: {}, headers: {} });
});

it('tells the directory, and the address without any secret', () => {
  expect(locate('git::https://bob:secret@github.example.com/acme/net//modules/vpc?ref=v1&sshkey=AAA')).toEqual({
    url: 'https://github.example.com/acme/net/archive/v1.tar.gz',
    headers: { authorization: `Basic ${Buffer.from('bob:secret').toString('base64')}` },
    checksum: {},
    wrapped: true,
    subdirectory: 'modules/vpc',
    source: 'git::https://github.example.com/acme/net//modules/vpc?ref=v1',
  });
  expect(locate(`https://files.example.com/${'t'.repeat(80)}/net.zip//*/a?token=secret&archive=zip&checksum=md5:${'a'.repeat(32)}`)).toEqual({
    url: `https://files.example.com/${'t'.repeat(80)}/net.zip?token=secret`,
    headers: {},
    checksum: { md5: 'a'.repeat(32) },
    wrapped: true,
    subdirectory: 'a',
    source: 'https://files.example.com/…/net.zip//*/a',
  });
});

it.each([
  ['git::https://github.example.com/acme/net', 'unsupported', 'ref'],
  ['git::https://github.example.com/acme/net?ref=', 'unsupported', 'ref'],
  ['git::https://github.example.com/acme/net?ref=../../x', 'unsupported', 'ref'],
  ['git::https://github.example.com/acme/net?ref=a%0Ab', 'unsupported', 'ref'],
  ['git::https://github.example.com/net?ref=v1', 'unsupported', 'github.example.com'],
  ['git::https://code.example.com/acme/net?ref=v1', 'unsupported', 'ecosystems.terraform.forges'],
  ['git@code.example.com:acme/net?ref=v1', 'unsupported', '"code.example.com"'],
  ['s3::https://s3.example.com/bucket/net.zip', 'unsupported', 's3::'],
  ['hg::https://hg.example.com/acme/net', 'unsupported', 'publish it here'],
  ['https://files.example.com/net.zip//modules/*', 'unsupported', 'pattern'],
  ['https://files.example.com/net.zip//*/*', 'unsupported', 'pattern'],
  ['http://files.example.com/net.zip', 'policy', 'plain http'],
  ['git::http://github.example.com/acme/net?ref=v1', 'policy', 'plain http'],
  ['nowhere', 'upstream-unavailable', 'registry.example.com'],
])('refuses %s', (text, code, says) => {
  expect(() => locate(text)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(new RegExp(`^registry\\.example\\.com/acme/net/aws 1\\.0\\.0: .*${says.replaceAll('.', '\\.')}`)) as string }));
});

it('follows plain http where upstream itself is asked so', () => {
  expect(locate('git::http://git.example.com:3000/acme/net?ref=v1', 'http://127.0.0.1:1').url).toBe('http://git.example.com:3000/acme/net/archive/v1.tar.gz');
});
