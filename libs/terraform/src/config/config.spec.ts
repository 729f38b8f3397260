import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { temporaryDirectory } from '@oci-package-proxy/testing';
import { type Upstream, UpstreamClient, type UpstreamDocuments } from '@oci-package-proxy/upstream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { generateSigningKey } from '../signing/sums-signer.ts';
import { clientHints, type HintOptions } from './client-hints.ts';
import { createHosts, type HostParts } from './create-hosts.ts';
import { hostName } from './host-name.ts';
import { loadSigners } from './load-signers.ts';
import { TERRAFORM_SECTION } from './terraform-section.ts';
import { TERRAFORM_VARIABLES } from './terraform-variables.ts';

const Variables = z.object(TERRAFORM_VARIABLES);
const asked: string[] = [];

function upstreamAt(url: string): { upstream: Upstream; documents: UpstreamDocuments } {
  asked.push(url);
  return { upstream: new UpstreamClient({ instanceId: 'spec', allowedOrigins: [url] }), documents: { get: async () => Promise.resolve(null) } as unknown as UpstreamDocuments };
}

function hosts(parts: Partial<HostParts> = {}, section: unknown = {}): ReturnType<typeof createHosts> {
  return createHosts({ section: TERRAFORM_SECTION.parse(section), hostname: null, named: [], publicUrl: null, privateNames: [], upstreamAt, ...parts });
}

beforeEach(() => {
  asked.length = 0;
});

describe('the name of a host', () => {
  it.each([
    ['Registry.Example.COM', 'registry.example.com'],
    ['registry.example.com:443', 'registry.example.com'],
    ['registry.example.com:8443', 'registry.example.com:8443'],
    ['localhost:8443', 'localhost:8443'],
    ['127.0.0.1:8443', '127.0.0.1:8443'],
    ['Bücher.example.com', 'xn--bcher-kva.example.com'],
  ])('of %s is %s', (text, name) => {
    expect(hostName(text)).toBe(name);
  });

  it.each(['', 'a b', 'https://example.com', 'example.com/path', 'example.com:0', 'example.com:65536', 'example.com:http', '-a', 'a.', 'user@example.com', '[::1]', `${'a'.repeat(250)}.com`])('is not %s', (text) => {
    expect(hostName(text)).toBeNull();
  });
});

describe('the variables', () => {
  it('name the own host and the upstreams', () => {
    const { TERRAFORM_HOSTNAME: own, TERRAFORM_UPSTREAM_HOSTS: named } = Variables.parse({
      TERRAFORM_HOSTNAME: 'Packages.example.com',
      TERRAFORM_UPSTREAM_HOSTS: ' one.example.com, two.example.com:8443 ,http://127.0.0.1:9999,https://Three.example.com/,',
    });

    expect(own).toBe('packages.example.com');
    expect(named).toEqual([
      { host: 'one.example.com', url: 'https://one.example.com' },
      { host: 'two.example.com:8443', url: 'https://two.example.com:8443' },
      { host: '127.0.0.1:9999', url: 'http://127.0.0.1:9999' },
      { host: 'three.example.com', url: 'https://three.example.com' },
    ]);
  });

  it.each(['off', '', ' , '])('name no upstream by %j', (text) => {
    expect(Variables.parse({ TERRAFORM_UPSTREAM_HOSTS: text }).TERRAFORM_UPSTREAM_HOSTS).toEqual([]);
  });

  it.each([
    ['TERRAFORM_HOSTNAME', 'https://example.com'],
    ['TERRAFORM_HOSTNAME', 'example.com/x'],
    ['TERRAFORM_UPSTREAM_HOSTS', 'example.com/path'],
    ['TERRAFORM_UPSTREAM_HOSTS', 'https://example.com/path'],
    ['TERRAFORM_UPSTREAM_HOSTS', 'https://user:secret@example.com'],
    ['TERRAFORM_UPSTREAM_HOSTS', 'ftp://example.com'],
    ['TERRAFORM_UPSTREAM_HOSTS', 'one.example.com,off'.replace('off', '-')],
    ['TERRAFORM_UPSTREAM_HOSTS', 'one.example.com,ONE.example.com'],
  ])('cannot be %s=%s, which no text repeats', (name, value) => {
    const { error } = Variables.safeParse({ [name]: value });

    expect(error?.issues.map(({ path }) => path)).toEqual([[name]]);
    expect(error?.message).not.toContain('secret');
  });
});

describe('the section', () => {
  it('has defaults', () => {
    expect(TERRAFORM_SECTION.parse(undefined)).toEqual({ upstreams: {}, forges: {}, signing: {}, originalAnnotations: false, linkSeconds: 900, loginDays: 90 });
  });

  it.each([
    { upstreams: { 'Example.com': {} } },
    { upstreams: { 'example.com': { url: 'https://user@example.com' } } },
    { upstreams: { 'example.com': { url: 'ftp://example.com' } } },
    { forges: { 'git.example.com': 'svn' } },
    { signing: { 'a/b': { keyFile: 'key.asc' } } },
    { linkSeconds: 5 },
    { loginDays: 0 },
    { unknown: true },
  ])('cannot be %j', (section) => {
    expect(TERRAFORM_SECTION.safeParse(section).success).toBe(false);
  });
});

describe('the hosts', () => {
  it('are what the server is asked as, where nobody said what it is called', () => {
    const { own, isOwn } = hosts({ named: [{ host: '127.0.0.1:9999', url: 'http://127.0.0.1:9999' }] });

    expect(own).toBe('localhost');
    expect(['localhost', 'localhost:8443', '127.0.0.1:1', '127.0.0.2'].map((host) => isOwn(host))).toEqual([true, true, true, true]);
    expect([isOwn('reg.example.com:8443', 'REG.example.com:8443'), isOwn('reg.example.com', 'other.example.com'), isOwn('127.0.0.1:9999')]).toEqual([true, false, false]);
  });

  it('are called after PUBLIC_URL, and TERRAFORM_HOSTNAME comes first', () => {
    const byUrl = hosts({ publicUrl: 'https://Packages.example.com:8443/path' });
    const named = hosts({ publicUrl: 'https://packages.example.com', hostname: 'registry.example.com' });
    const local = hosts({ publicUrl: 'http://127.0.0.1:8080' });

    expect([byUrl.own, named.own, local.own]).toEqual(['packages.example.com:8443', 'registry.example.com', '127.0.0.1:8080']);
    expect([local.isOwn('localhost:8443'), local.isOwn('other.example.com')]).toEqual([true, false]);
    expect([named.isOwn('registry.example.com'), named.isOwn('packages.example.com', 'packages.example.com'), named.isOwn('localhost', 'localhost')]).toEqual([true, false, false]);
  });

  it('are pulled through where the operator says so, each asked at its address', () => {
    const { upstream, upstreams } = hosts(
      { named: [{ host: 'one.example.com', url: 'https://one.example.com' }] },
      { upstreams: { 'two.example.com:443': { url: 'http://mirror.example.com/two/' }, 'one.example.com': {}, 'three.example.com:8443': {} } },
    );

    expect(asked).toEqual(['https://one.example.com', 'http://mirror.example.com/two', 'https://three.example.com:8443']);
    expect(upstreams.map(({ host }) => host)).toEqual(['one.example.com', 'two.example.com', 'three.example.com:8443']);
    expect([upstream('two.example.com')?.url, upstream('four.example.com')]).toEqual(['http://mirror.example.com/two', null]);
  });

  it('cannot be the own one and an upstream', () => {
    expect(() => hosts({ hostname: 'one.example.com', named: [{ host: 'one.example.com', url: 'https://one.example.com' }] })).toThrow(/TERRAFORM_UPSTREAM_HOSTS: one\.example\.com is the host of what is published here/);
  });

  it('hide private names however they are written', () => {
    const { isPrivate } = hosts({ privateNames: ['providers/*/Acme/*', 'modules/**/secret/**'] });

    expect(['providers/one.example.com/acme/tool', 'modules/one.example.com/Team/Secret/aws'].map((name) => isPrivate(name))).toEqual([true, true]);
    expect(isPrivate('providers/one.example.com/other/tool')).toBe(false);
  });

  it.each([
    ['github.example.org', 'github'],
    ['github.example.com', 'github'],
    ['gitlab.example.com:8443', 'gitlab'],
    ['my-gitlab.example.com', 'gitlab'],
    ['codeberg.example.org', 'gitea'],
    ['forgejo.example.com', 'gitea'],
    ['bitbucket.example.org', 'bitbucket'],
    ['git.example.com', 'gitea'],
    ['git.other.example.com', undefined],
    ['notgithub.example.com', undefined],
  ])('are forges: %s is %s', (host, kind) => {
    expect(hosts({}, { forges: { 'git.example.com': 'gitea' } }).forge(host)?.kind).toBe(kind);
  });
});

describe('signing keys', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await temporaryDirectory('signers');
  });
  afterEach(async () => rm(directory, { recursive: true, force: true }));

  it('are read from files beside CONFIG_FILE', async () => {
    const { privateKey } = await generateSigningKey({ name: 'Acme', email: 'acme@example.com' });
    await writeFile(join(directory, 'key.asc'), privateKey);

    const signers = await loadSigners({ Acme: { keyFile: 'key.asc' } }, directory);

    expect([...signers.keys()]).toEqual(['acme']);
    expect((await signers.get('acme')?.sign(Buffer.from('sums')))?.length).toBeGreaterThan(100);
  }, 60_000);

  it('stop the start where they cannot be read or are none, naming which', async () => {
    await writeFile(join(directory, 'bad.asc'), 'no key');

    await expect(loadSigners({ acme: { keyFile: 'missing.asc' } }, directory)).rejects.toMatchObject({ code: 'config', message: expect.stringContaining('CONFIG_FILE.ecosystems.terraform.signing.acme.keyFile') as string });
    await expect(loadSigners({ acme: { keyFile: 'bad.asc' } }, directory)).rejects.toMatchObject({ code: 'config', message: expect.stringContaining('signing.acme') as string });
    await expect(loadSigners({ acme: { keyFile: 'bad.asc', passphraseFile: 'missing' } }, directory)).rejects.toMatchObject({ message: expect.stringContaining('passphraseFile') as string });
  });
});

describe('hints for clients', () => {
  const options: HintOptions = { origin: 'https://127.0.0.1:8443', prefix: '/terraform', api: '/api/v1/terraform', own: 'localhost', upstreams: ['one.example.com'], caFile: '/data/tls/ca.pem', token: 'secret' };

  it('are lines to paste', () => {
    expect(clientHints(options)).toEqual([
      'export SSL_CERT_FILE=/data/tls/ca.pem',
      `echo 'credentials "localhost:8443" { token = "secret" }' >> ~/.terraformrc   # OpenTofu: ~/.tofurc`,
      `echo 'host "one.example.com" { services = { "providers.v1" = "https://localhost:8443/terraform/upstream/one.example.com/providers/v1/", "modules.v1" = "https://localhost:8443/terraform/upstream/one.example.com/modules/v1/" } }' >> ~/.terraformrc   # OpenTofu: ~/.tofurc`,
      '# what is published here: source = "localhost:8443/<namespace>/<type>"; a network mirror for providers: https://localhost:8443/terraform/mirror/',
      expect.stringMatching(/^curl --cacert \/data\/tls\/ca\.pem .*'Authorization: Bearer secret' .*https:\/\/localhost:8443\/api\/v1\/terraform\/keys\/<namespace>$/),
      expect.stringMatching(/^curl .* https:\/\/localhost:8443\/api\/v1\/terraform\/providers\/<namespace>\/<type>\/<version>$/),
      expect.stringMatching(/^curl .* https:\/\/localhost:8443\/api\/v1\/terraform\/modules\/<namespace>\/<name>\/<system>\/<version>$/),
    ]);
  });

  it('have no secret where none is to be shown, and call the server by its name', () => {
    const lines = clientHints({ ...options, origin: 'https://packages.example.com/outer', own: 'registry.example.com', caFile: null, token: null, upstreams: [] });

    expect(lines.join('\n')).toContain('source = "registry.example.com/<namespace>/<type>"; a network mirror for providers: https://packages.example.com/outer/terraform/mirror/');
    expect(lines.join('\n')).not.toMatch(/curl|credentials|SSL_CERT_FILE/);
  });

  it('say what is missing where there is no HTTPS', () => {
    expect(clientHints({ ...options, origin: null })).toEqual([expect.stringContaining('nothing but HTTPS')]);
  });
});
