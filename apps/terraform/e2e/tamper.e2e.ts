import { rm } from 'node:fs/promises';

import {
  cliConfig,
  type CommandResult,
  moduleArchive,
  type ProviderRelease,
  providerArchive,
  providerRelease,
  type ProviderReleaseOptions,
  rootModule,
  type RunningRegistry,
  signingKey,
  smallFile,
  startDockerRegistry,
  temporaryDirectory,
  testAuthority,
  type TestKey,
  terraformClient,
} from '@oci-package-proxy/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { OWN_PLATFORM, PLATFORMS } from './own-platform.ts';
import { AVAILABLE, type Program, programPath } from './terraform-programs.ts';
import { type ApiAnswer, startTerraformStandalone, type TerraformStandalone } from './terraform-standalone.ts';
import { type RelayedAnswer, startTlsRelay, type Tampering, type TlsRelay } from './tls-relay.ts';

interface Refused {
  readonly what: string;
  readonly status: number;
  /** What the answer says. */
  readonly says: RegExp;
  /** Of the release of `bad 1.0.0`. */
  readonly options?: Partial<ProviderReleaseOptions>;
  /** Changes the release after it was made and signed. */
  readonly change?: (release: ProviderRelease, key: TestKey) => Promise<readonly ProviderRelease['files'][number][]> | readonly ProviderRelease['files'][number][];
  /** In place of `acme/bad/1.0.0`. */
  readonly address?: string;
}

const replaced = (release: ProviderRelease, filename: string, bytes: Buffer): readonly ProviderRelease['files'][number][] => release.files.map((file) => (file.filename === filename ? smallFile(filename, bytes) : file));

/** Releases that no client could install, or that are not what they say. */
const REFUSED: readonly Refused[] = [
  { what: 'an archive with other bytes than SHA256SUMS says', status: 422, says: /linux_amd64\.zip/, change: (release) => replaced(release, 'terraform-provider-bad_1.0.0_linux_amd64.zip', providerArchive({ type: 'bad', version: '1.0.0', platform: 'linux_amd64', program: () => Buffer.from('other') }).bytes) },
  { what: 'SHA256SUMS that was changed after it was signed', status: 422, says: /signature/i, change: (release) => replaced(release, release.sums.filename, Buffer.concat([release.sums.bytes, Buffer.from(`${'0'.repeat(64)}  notes.txt\n`)])) },
  { what: 'a signature of a key that is not registered', status: 403, says: /key/i, change: async (release) => replaced(release, `${release.sums.filename}.sig`, await (await signingKey()).sign(release.sums.bytes)) },
  { what: 'a signature that is none', status: 422, says: /signature/i, change: (release) => replaced(release, `${release.sums.filename}.sig`, Buffer.from('not a signature')) },
  { what: 'no signature', status: 400, says: /signature|\.sig/i, change: (release) => release.files.filter(({ filename }) => !filename.endsWith('.sig')) },
  { what: 'no SHA256SUMS', status: 400, says: /SHA256SUMS/, change: (release) => release.files.filter(({ filename }) => !filename.endsWith('SHA256SUMS')) },
  { what: 'an archive that SHA256SUMS does not name', status: 422, says: /darwin_arm64/, options: { platforms: ['linux_amd64', 'darwin_arm64'], sums: (right) => right.split('\n').filter((line) => !line.includes('darwin')).join('\n') } },
  { what: 'an archive that SHA256SUMS names and that is not there', status: 422, says: /darwin_arm64/, options: { platforms: ['linux_amd64', 'darwin_arm64'] }, change: (release) => release.files.filter(({ filename }) => !filename.includes('darwin')) },
  { what: 'a blank line in SHA256SUMS, at which clients panic', status: 422, says: /line/i, options: { sums: (right) => right.replace('\n', '\n\n') } },
  { what: 'the mark of binary files in SHA256SUMS, which no client reads', status: 422, says: /\*|line/i, options: { sums: (right) => right.replaceAll('  ', ' *') } },
  { what: 'a line of SHA256SUMS that is no hash', status: 422, says: /line/i, options: { sums: (right) => `${right}xyz  file\n` } },
  { what: 'a file name of another version', status: 422, says: /1\.0\.0/, options: { version: '1.0.1' } },
  { what: 'a file name of another provider', status: 422, says: /bad|other/, options: { type: 'other' } },
  { what: 'a protocol that no client speaks', status: 422, says: /protocol/i, options: { protocols: ['4.0'] } },
  { what: 'a program of another name', status: 422, says: /program|terraform-provider/i, options: { archives: [{ ...providerArchive({ type: 'bad', version: '1.0.0', platform: 'linux_amd64' }), ...smallFile('terraform-provider-bad_1.0.0_linux_amd64.zip', moduleArchive({ files: { 'main.tf': '' } }).bytes) }] } },
  { what: 'a directory in an archive, with which a second init through a mirror fails', status: 422, says: /director/i, options: { entries: [{ path: 'docs/', content: Buffer.alloc(0), mode: 0o40755 }, { path: 'docs/README', content: Buffer.from('x') }] } },
  { what: 'a path that leads out of an archive', status: 422, says: /\.\./, options: { entries: [{ path: '../../etc/passwd', content: Buffer.from('x') }] } },
  { what: 'an archive that is none', status: 422, says: /zip/i, options: { archives: [{ ...providerArchive({ type: 'bad', version: '1.0.0', platform: 'linux_amd64' }), ...smallFile('terraform-provider-bad_1.0.0_linux_amd64.zip', Buffer.from('#!/bin/sh')) }] } },
  { what: 'a version that clients cannot read', status: 400, says: /version/i, options: { version: '1.0' }, address: 'acme/bad/1.0' },
  { what: 'a version with a v', status: 400, says: /version|v/i, address: 'acme/bad/v1.0.0' },
];

describe('what was tampered with', () => {
  let directory: string;
  let registry: RunningRegistry;
  let proxy: TerraformStandalone;
  let relay: TlsRelay;
  let caFile: string;
  let key: TestKey;
  let stranger: TestKey;
  let release: ProviderRelease;

  beforeAll(async () => {
    directory = await temporaryDirectory('terraform-tamper');
    registry = await startDockerRegistry({ directory });
    proxy = await startTerraformStandalone({ STORAGE_URL: `${registry.url}/packages` });
    const authority = await testAuthority(directory);
    ({ caFile } = authority);
    relay = await startTlsRelay(proxy.origin, authority);
    [key, stranger] = await Promise.all([signingKey(), signingKey()]);
    expect((await proxy.addKey('acme', key.publicKey)).status).toBe(201);
    release = await providerRelease({ type: 'demo', version: '1.0.0', platforms: PLATFORMS, key });
    expect((await proxy.publishProvider('acme/demo/1.0.0', release.files)).status).toBe(201);
    expect((await proxy.publishModule('acme/network/aws/1.0.0', moduleArchive({ files: { 'main.tf': '' } }).bytes)).status).toBe(201);
  });
  afterAll(async () => {
    await relay?.close();
    await proxy?.stop();
    await registry?.stop();
    await rm(directory, { recursive: true, force: true });
  });
  afterEach(() => relay.tamper(null));

  describe('is refused when it is published', () => {
    it.each(REFUSED)('$what', async ({ status, says, options = {}, change, address = 'acme/bad/1.0.0' }) => {
      const bad = await providerRelease({ type: 'bad', version: '1.0.0', key, ...options });

      const answer: ApiAnswer = await proxy.publishProvider(address, (await change?.(bad, key)) ?? bad.files);
      const stored = await fetch(`${registry.url}/v2/packages/terraform/providers/localhost/acme/bad/tags/list`);
      const shown = await fetch(`${proxy.origin}/terraform/providers/v1/acme/bad/versions`);

      expect(answer.status, answer.text).toBe(status);
      expect(answer.text).toMatch(says);
      expect([stored.status, shown.status]).toEqual([404, 404]);
    });
  });

  describe.each(AVAILABLE)('is refused by %s', (program) => {
    it('is used as it is while nothing is changed', async () => {
      const result = await installed(program, 'fine', null);

      expect(result.code, result.output).toBe(0);
    });

    it.each(changes())('$what', async ({ what, says, change }) => {
      const result = await installed(program, what, change);

      expect(result.code, result.output).not.toBe(0);
      expect(text(result)).toMatch(says);
    });

    it('an archive of a module with other bytes', async () => {
      const other = moduleArchive({ files: { 'main.tf': 'output "evil" {\n  value = 1\n}\n' } }).bytes;
      const source = { source: `${relay.host}/acme/network/aws`, version: '1.0.0' };

      const result = await installed(program, 'module', (path, answer) => swap(path.endsWith('.zip'), answer, other), rootModule({ modules: { network: source } }));

      expect(result.code, result.output).not.toBe(0);
      expect(text(result)).toMatch(/checksum/i);
    });

    it('an archive with other bytes than a mirror says', async () => {
      const config = cliConfig({ installation: [{ kind: 'network_mirror', url: `${relay.url}/terraform/mirror/` }] });

      // No client asks a mirror for a host with a port.
      const main = rootModule({ providers: { demo: { source: 'localhost/acme/demo' } } });

      const fine = await installed(program, 'mirror-fine', null, main, config);
      const result = await installed(program, 'mirror', (path, answer) => swap(path.endsWith('.zip'), answer, otherArchive()), main, config);

      expect(fine.code, fine.output).toBe(0);

      expect(result.code, result.output).not.toBe(0);
      expect(text(result)).toMatch(/checksum|hash/i);
    });

    it('tells refusals and failures of a server from what is not there', async () => {
      const said: Record<number, string> = {};
      for (const status of [401, 403, 404, 429, 500]) {
        const result = await installed(program, `status ${status}`, (path, answer) => {
          answer.status = path.endsWith('/versions') ? status : answer.status;
        });
        said[status] = text(result);
      }

      expect(said[401]).toMatch(/requires authentication credentials|401|unauthorized/i);
      expect(said[403]).toMatch(/rejected|403|credentials/i);
      expect(said[404]).toMatch(/does not have a provider named/);
      expect(said[429]).toMatch(/429|giving up|could not query/i);
      expect(said[500]).toMatch(/500|giving up|could not query/i);
    });
  });

  it('is not disturbed by tags that others have put beside ours', async () => {
    const base = `${registry.url}/v2/packages/terraform/providers/localhost/acme/demo/manifests`;
    const type = 'application/vnd.oci.image.index.v1+json';
    const index = await (await fetch(`${base}/1.0.0`, { headers: { accept: type } })).text();
    for (const tag of ['latest', 'v3.0.0', 'linux_amd64', '20240101', '9.0.0']) {
      const put = await fetch(`${base}/${tag}`, { method: 'PUT', headers: { 'content-type': type }, body: index });
      expect(put.status, await put.text()).toBe(201);
    }
    proxy = await proxy.restart();

    const results = await Promise.all(AVAILABLE.map(async (program) => installed(program, 'tags', null, rootModule({ providers: { demo: { source: `${proxy.host}/acme/demo` } } }), '', proxy.caFile)));

    for (const result of results) {
      expect(result.code, result.output).toBe(0);
      expect(result.output).toContain('demo v1.0.0');
    }
  });

  function changes(): readonly { readonly what: string; readonly says: RegExp; readonly change: Tampering }[] {
    return [
      { what: 'an archive with other bytes', says: /checksum|hash|size/i, change: (path, answer) => swap(path.endsWith('.zip'), answer, otherArchive()) },
      { what: 'SHA256SUMS with other bytes', says: /signature|checksum/i, change: (path, answer) => swap(path.endsWith('SHA256SUMS'), answer, Buffer.from(release.sums.bytes.toString().replaceAll('darwin', 'plan9'))) },
      { what: 'an archive and SHA256SUMS that fit each other', says: /signature|size/i, change: swapTogether },
      { what: 'a signature that is none', says: /signature|openpgp/i, change: (path, answer) => swap(path.endsWith('.sig'), answer, Buffer.from('not a signature')) },
      { what: 'a key that did not sign', says: /signature|issuer/i, change: onPackage((document) => ({ ...document, signing_keys: { gpg_public_keys: [{ key_id: stranger.keyId, ascii_armor: stranger.publicKey }] } })) },
      { what: 'no key', says: /signature|key|issuer/i, change: onPackage((document) => ({ ...document, signing_keys: { gpg_public_keys: [] } })) },
      { what: 'another hash in the document', says: /checksum|hash|SHA/i, change: onPackage((document) => ({ ...document, shasum: '0'.repeat(64) })) },
      { what: 'another file name in the document', says: /checksum|SHA256SUMS|no .*file|filename/i, change: onPackage((document) => ({ ...document, filename: 'other.zip' })) },
      { what: 'a protocol that it does not speak', says: /protocol|incompatible|plugin/i, change: onPackage((document) => ({ ...document, protocols: ['4.0'] })) },
      { what: 'a discovery document that says it is text', says: /discovery|provider registry|Content-Type|content type/i, change: (path, answer) => {
        if (path === '/.well-known/terraform.json') {
          answer.headers['content-type'] = 'text/plain';
        }
      } },
    ];
  }

  function otherArchive(): Buffer {
    return providerArchive({ type: 'demo', version: '1.0.0', platform: OWN_PLATFORM, program: () => Buffer.from('#!/bin/sh\necho evil\n') }).bytes;
  }

  function swapTogether(path: string, answer: RelayedAnswer): void {
    const own = release.archives.find(({ platform }) => platform === OWN_PLATFORM);
    const other = smallFile('', otherArchive());
    const changed = (from: Buffer): Buffer => Buffer.from(from.toString().replaceAll(own?.sha256 ?? '', other.sha256));
    swap(path.endsWith('.zip'), answer, other.bytes);
    swap(path.endsWith('SHA256SUMS'), answer, changed(release.sums.bytes));
    swap(path.includes('/download/'), answer, changed(answer.body));
  }

  async function installed(program: Program, label: string, change: Tampering | null, main = rootModule({ providers: { demo: { source: `${relay.host}/acme/demo` } } }), config = '', trusted = caFile): Promise<CommandResult> {
    relay.tamper(change);
    const client = await terraformClient({ directory: `${directory}/${program} ${label}`.replaceAll(/[ .]/g, '-'), binary: programPath(program), caFile: trusted, config });
    return client.run(['init', '-no-color'], { cwd: await client.project('tampered', { 'main.tf': main }) });
  }
});

function swap(applies: boolean, answer: RelayedAnswer, body: Buffer): void {
  if (applies && answer.status === 200) {
    answer.body = body;
  }
}

/** Changes the document of a package. */
function onPackage(change: (document: Record<string, unknown>) => Record<string, unknown>): Tampering {
  return (path, answer) => {
    if (/\/download\/[^/]+\/[^/]+$/.test(path) && answer.status === 200) {
      answer.body = Buffer.from(JSON.stringify(change(JSON.parse(answer.body.toString()) as Record<string, unknown>)));
    }
  };
}

/** What a client says, without its frames and line breaks. */
function text({ output }: CommandResult): string {
  return output.replaceAll(/\s*\n[│|]?\s*/g, ' ');
}
