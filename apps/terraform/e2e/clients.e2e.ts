import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import {
  cliConfig,
  moduleArchive,
  type ProviderRelease,
  providerRelease,
  rootModule,
  type RunningRegistry,
  signingKey,
  startDockerRegistry,
  temporaryDirectory,
  type TerraformClient,
  testAuthority,
  type TestKey,
  WORKSPACE_ROOT,
} from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { clientsOf, MatrixRun, renderMatrix } from './client-matrix.ts';
import { lockedProviders } from './lock-file.ts';
import { OWN_PLATFORM, PLATFORMS } from './own-platform.ts';
import { login } from './terraform-login.ts';
import { type Program, programPath } from './terraform-programs.ts';
import { ADMIN_TOKEN, startTerraformStandalone, type TerraformStandalone } from './terraform-standalone.ts';

const run = new MatrixRun();
const MODULE_FILES = { 'main.tf': 'module "inner" {\n  source = "./modules/sub"\n}\n\noutput "whole" {\n  value = module.inner.name\n}\n', 'modules/sub/main.tf': 'output "name" {\n  value = "sub"\n}\n' };

function slug(program: Program): string {
  return program.replaceAll(/[ .]/g, '-');
}

/** The hashes that a lock file has after an install from a signed release. */
function hashesOf(release: ProviderRelease | undefined, platforms: readonly string[] = [OWN_PLATFORM]): readonly string[] {
  const zips = [...(release?.archives ?? []), release?.manifest].map((file) => `zh:${file?.sha256}`);
  const directories = (release?.archives ?? []).filter(({ platform }) => platforms.includes(platform)).map(({ h1 }) => h1);
  return [...directories, ...zips].sort();
}

describe('every client', () => {
  let directory: string;
  let registry: RunningRegistry;
  let proxy: TerraformStandalone;
  let key: TestKey;
  const releases = new Map<string, ProviderRelease>();
  const made = new Map<string, TerraformClient>();

  beforeAll(async () => {
    directory = await temporaryDirectory('terraform-clients');
    registry = await startDockerRegistry({ directory });
    proxy = await startTerraformStandalone({ STORAGE_URL: `${registry.url}/packages` });
    key = await signingKey();
    expect((await proxy.addKey('acme', key.publicKey)).status).toBe(201);
    await publish('demo', '1.0.0');
    await publish('yanked', '1.0.0');
    await publish('yanked', '1.1.0');
    const yanked = await proxy.call('PUT', 'providers/acme/yanked/1.1.0/yank', { body: '{"reason":"eats data"}', contentType: 'application/json' });
    expect(yanked.status, yanked.text).toBe(200);
    for (const version of ['1.0.0', '1.1.0']) {
      expect((await proxy.publishModule(`acme/network/aws/${version}`, moduleArchive({ files: MODULE_FILES }).bytes)).status).toBe(201);
    }
  });
  afterAll(async () => {
    await proxy?.stop();
    await registry?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  async function publish(type: string, version: string, where: TerraformStandalone = proxy): Promise<ProviderRelease> {
    const release = await providerRelease({ type, version, platforms: PLATFORMS, key });
    const answer = await where.publishProvider(`acme/${type}/${version}`, release.files);
    expect(answer.status, answer.text).toBe(201);
    releases.set(`${type} ${version}`, release);
    return release;
  }

  /** A client that is configured as its label says; the same label again is the same client. */
  async function client(program: Program, label = 'plain', config = ''): Promise<TerraformClient> {
    const name = `${slug(program)}-${label}`;
    const found = made.get(name) ?? (await proxy.client(name, programPath(program), config));
    made.set(name, found);
    return found;
  }

  const demo = (version?: string, type = 'demo'): string => rootModule({ providers: { [type]: { source: `${proxy.host}/acme/${type}`, ...(version !== undefined && { version }) } } });

  it.each(clientsOf('init'))('%s installs a provider, with all hashes of its release in the lock file, and again from that file', async (program) => {
    const used = await client(program);
    const cwd = await used.project('init', { 'main.tf': demo() });

    const first = await used.run(['init', '-no-color'], { cwd });
    const lock = await used.lock(cwd);
    await used.forget(cwd);
    const second = await used.run(['init', '-no-color', '-lockfile=readonly'], { cwd });

    expect(first.code, first.output).toBe(0);
    expect(first.output).toContain(key.keyId);
    expect(second.code, second.output).toBe(0);
    run.shows(program, 'init');
    const { version, hashes } = lockedProviders(lock)[`${proxy.host}/acme/demo`] ?? {};
    expect({ version, hashes: [...(hashes ?? [])].sort() }).toEqual({ version: '1.0.0', hashes: hashesOf(releases.get('demo 1.0.0')) });
    expect(await used.lock(cwd)).toBe(lock);
    run.shows(program, 'lock file');
  });

  it.each(clientsOf('upgrade'))('%s stays with what is locked, and takes a new version at once when it is told to', async (program) => {
    const type = `fresh-${slug(program)}`;
    await publish(type, '1.0.0');
    const used = await client(program);
    const cwd = await used.project('upgrade', { 'main.tf': demo('>= 1.0.0', type) });
    const source = `${proxy.host}/acme/${type}`;

    const first = await used.run(['init', '-no-color'], { cwd });
    await publish(type, '1.1.0');
    const stays = await used.run(['init', '-no-color'], { cwd });
    const kept = lockedProviders(await used.lock(cwd))[source]?.version;
    const upgraded = await used.run(['init', '-no-color', '-upgrade'], { cwd });

    expect([first.code, stays.code, upgraded.code], upgraded.output).toEqual([0, 0, 0]);
    expect(kept).toBe('1.0.0');
    expect(lockedProviders(await used.lock(cwd))[source]?.version).toBe('1.1.0');
    run.shows(program, 'upgrade');
  });

  it.each(clientsOf('providers lock'))('%s locks for several platforms', async (program) => {
    const used = await client(program);
    const cwd = await used.project('lock', { 'main.tf': demo() });

    const locked = await used.run(['providers', 'lock', ...PLATFORMS.map((platform) => `-platform=${platform}`)], { cwd });

    expect(locked.code, locked.output).toBe(0);
    expect([...(lockedProviders(await used.lock(cwd))[`${proxy.host}/acme/demo`]?.hashes ?? [])].sort()).toEqual(hashesOf(releases.get('demo 1.0.0'), PLATFORMS));
    run.shows(program, 'providers lock');
  });

  it.each(clientsOf('providers mirror'))('%s makes a mirror in a directory, and installs from there', async (program) => {
    const used = await client(program);
    const cwd = await used.project('mirrored', { 'main.tf': demo() });
    const path = join(used.directory, 'filesystem-mirror');

    const mirrored = await used.run(['providers', 'mirror', ...PLATFORMS.map((platform) => `-platform=${platform}`), path], { cwd });
    const alone = await client(program, 'filesystem', cliConfig({ installation: [{ kind: 'filesystem_mirror', path, include: ['*/*/*'] }] }));
    const installed = await alone.run(['init', '-no-color'], { cwd: await alone.project('init', { 'main.tf': demo() }) });

    expect(mirrored.code, mirrored.output).toBe(0);
    const files = (await readdir(path, { recursive: true })).filter((name) => name.endsWith('.zip'));
    expect(files).toHaveLength(PLATFORMS.length);
    expect(installed.code, installed.output).toBe(0);
    run.shows(program, 'providers mirror');
  });

  /** No client asks a mirror for a host with a port: this is the name that the server has where nobody gave it another one. */
  const portless = rootModule({ providers: { demo: { source: 'localhost/acme/demo' } } });

  it.each(clientsOf('network mirror'))('%s installs through the network mirror, with a lock file made through the registry and without one', async (program) => {
    const plain = await client(program, 'portless', cliConfig({ hosts: { localhost: { 'providers.v1': `${proxy.secure}/terraform/providers/v1/` } } }));
    const mirror = await client(program, 'mirror', cliConfig({ installation: [proxy.mirrorMethod()] }));
    const registryProject = await plain.project('for-mirror', { 'main.tf': portless });
    const direct = await plain.run(['init', '-no-color'], { cwd: registryProject });
    const lock = await plain.lock(registryProject);

    const cwd = await mirror.project('bare', { 'main.tf': portless });
    const bare = await mirror.run(['init', '-no-color'], { cwd });
    await mirror.forget(cwd);
    const again = await mirror.run(['init', '-no-color', '-lockfile=readonly'], { cwd });
    const locked = await mirror.run(['init', '-no-color', '-lockfile=readonly'], { cwd: await mirror.project('locked', { 'main.tf': portless, '.terraform.lock.hcl': lock }) });

    expect([direct.code, bare.code, again.code, locked.code], [direct, bare, again, locked].map(({ output }) => output).join('\n')).toEqual([0, 0, 0, 0]);
    expect(bare.output).toMatch(/verified checksum|checksum verified/i);
    run.shows(program, 'network mirror');
  });

  it.each(clientsOf('mirror lock'))('%s has the hashes of all platforms from the mirror', async (program) => {
    const used = await client(program);
    const cwd = await used.project('mirror-lock', { 'main.tf': portless });

    const locked = await used.run(['providers', 'lock', `-net-mirror=${proxy.mirror}`, ...PLATFORMS.map((platform) => `-platform=${platform}`)], { cwd });

    expect(locked.code, locked.output).toBe(0);
    const { hashes = [] } = lockedProviders(await used.lock(cwd))['localhost/acme/demo'] ?? {};
    const archives = releases.get('demo 1.0.0')?.archives ?? [];
    expect(hashes).toEqual(expect.arrayContaining(archives.map(({ h1 }) => h1)));
    run.shows(program, 'mirror lock');
  });

  it.each(clientsOf('module'))('%s installs a module by a version constraint, and a part of it', async (program) => {
    const used = await client(program);
    const source = `${proxy.host}/acme/network/aws`;
    const cwd = await used.project('modules', { 'main.tf': rootModule({ modules: { whole: { source, version: '~> 1.0' }, part: { source: `${source}//modules/sub`, version: '1.0.0' } }, body: 'output "names" {\n  value = [module.whole.whole, module.part.name]\n}\n' }) });

    const first = await used.run(['init', '-no-color'], { cwd });
    const planned = await used.run(['plan', '-no-color'], { cwd });

    expect(first.code, first.output).toBe(0);
    expect(first.output).toContain('1.1.0 for whole');
    expect(first.output).toContain('1.0.0 for part');
    expect(planned.output).toMatch(/names = \[\s*\+? *"sub",\s*\+? *"sub",/);
    run.shows(program, 'module');
  });

  it.each(clientsOf('host override'))('%s finds the services of another name here', async (program) => {
    const services = { 'providers.v1': `${proxy.secure}/terraform/providers/v1/`, 'modules.v1': `${proxy.secure}/terraform/modules/v1/` };
    const used = await client(program, 'override', cliConfig({ hosts: { 'registry.example.com': services } }));
    const cwd = await used.project('override', {
      'main.tf': rootModule({ providers: { demo: { source: 'registry.example.com/acme/demo' } }, modules: { network: { source: 'registry.example.com/acme/network/aws', version: '1.1.0' } } }),
    });

    const first = await used.run(['init', '-no-color'], { cwd });

    expect(first.code, first.output).toBe(0);
    expect(lockedProviders(await used.lock(cwd))['registry.example.com/acme/demo']?.version).toBe('1.0.0');
    run.shows(program, 'host override');
  });

  it.each(clientsOf('yank'))('%s does not choose what is yanked, says why, and says that it is gone where a lock file names it', async (program) => {
    const used = await client(program);
    const zip = releases.get('yanked 1.1.0')?.archives.find(({ platform }) => platform === OWN_PLATFORM)?.sha256;
    const lock = `provider "${proxy.host}/acme/yanked" {\n  version = "1.1.0"\n  hashes = [\n    "zh:${zip}",\n  ]\n}\n`;

    const chosen = await used.run(['init', '-no-color'], { cwd: await used.project('yank', { 'main.tf': demo(undefined, 'yanked') }) });
    const locked = await used.run(['init', '-no-color'], { cwd: await used.project('yank-locked', { 'main.tf': demo(undefined, 'yanked'), '.terraform.lock.hcl': lock }) });

    expect(chosen.code, chosen.output).toBe(0);
    expect(chosen.output).toContain('yanked v1.0.0');
    // Clients install nothing that is not in the list, whatever their lock file says: so they must be told why.
    expect(locked.code, locked.output).toBe(1);
    for (const { output } of [chosen, locked]) {
      expect(output.replaceAll(/\s+│?\s*/g, ' ')).toContain('1.1.0 was yanked: eats data');
    }
    run.shows(program, 'yank');
  });

  describe('on a server that nobody may read unsigned', () => {
    let closed: TerraformStandalone;
    beforeAll(async () => {
      closed = await startTerraformStandalone({ ANONYMOUS_READ: 'false' });
      expect((await closed.addKey('acme', key.publicKey)).status).toBe(201);
      await publish('secret', '1.0.0', closed);
      expect((await closed.publishModule('acme/secret/aws/1.0.0', moduleArchive({ files: MODULE_FILES }).bytes)).status).toBe(201);
    });
    afterAll(() => closed?.stop());

    const secrets = (): string => rootModule({ providers: { secret: { source: `${closed.host}/acme/secret` } }, modules: { secret: { source: `${closed.host}/acme/secret/aws`, version: '1.0.0' } } });

    it.each(clientsOf('token'))('%s is refused without a token, and installs with one from its configuration, from the environment, and through the mirror', async (program) => {
      const stranger = await closed.client(`${slug(program)}-stranger`, programPath(program));
      const known = await closed.client(`${slug(program)}-known`, programPath(program), cliConfig({ credentials: { [closed.host]: ADMIN_TOKEN } }));
      const mirror = await closed.client(`${slug(program)}-mirror`, programPath(program), cliConfig({ credentials: { [closed.host]: ADMIN_TOKEN }, installation: [closed.mirrorMethod()] }));
      const files = { 'main.tf': secrets() };

      const refused = await stranger.run(['init', '-no-color'], { cwd: await stranger.project('init', files) });
      const variable = { [`TF_TOKEN_${closed.host.replaceAll('.', '_')}`]: ADMIN_TOKEN };
      const environment = await stranger.run(['init', '-no-color'], { cwd: await stranger.project('environment', files), environment: variable });
      const allowed = await known.run(['init', '-no-color'], { cwd: await known.project('init', files) });
      const mirrored = await mirror.run(['init', '-no-color'], { cwd: await mirror.project('init', { 'main.tf': rootModule({ providers: { secret: { source: 'localhost/acme/secret' } } }) }) });

      expect(refused.code, refused.output).toBe(1);
      expect(refused.output.replaceAll(/\s+│?\s*/g, ' ')).toMatch(/requires authentication credentials|401|credentials/);
      expect([environment.code, allowed.code, mirrored.code], [environment, allowed, mirrored].map(({ output }) => output).join('\n')).toEqual([0, 0, 0]);
      run.shows(program, 'token');
    });

    it.each(clientsOf('login'))('%s signs in by a browser, keeps the token, installs with it, and forgets it', async (program) => {
      const plain = await closed.client(`${slug(program)}-login`, programPath(program));
      // With that variable clients read no other configuration, saved tokens among it.
      const used: TerraformClient = { ...plain, run: async (parameters, how) => plain.run(parameters, { ...how, environment: { TF_CLI_CONFIG_FILE: null } }) };
      const files = { 'main.tf': secrets() };

      const wrong = await login(used, closed.host, { ca: closed.ca, password: 'wrong' });
      const signedIn = await login(used, closed.host, { ca: closed.ca, password: ADMIN_TOKEN });
      const saved = await readFile(join(used.home, '.terraform.d/credentials.tfrc.json'), 'utf8');
      const installed = await used.run(['init', '-no-color'], { cwd: await used.project('init', files) });
      const out = await used.run(['logout', closed.host]);
      const refused = await used.run(['init', '-no-color'], { cwd: await used.project('after', files) });

      expect(wrong.statuses, wrong.output).toEqual([403]);
      expect(signedIn.code, signedIn.output).toBe(0);
      expect(signedIn.page).toContain('Sign in to');
      expect(saved).toContain(closed.host);
      expect(saved).not.toContain(ADMIN_TOKEN);
      expect(installed.code, installed.output).toBe(0);
      expect(out.code, out.output).toBe(0);
      expect(refused.code, refused.output).toBe(1);
      run.shows(program, 'login');
    });

    it.each(clientsOf('netrc'))('%s may send what a netrc file has with archives, right or wrong', async (program) => {
      for (const password of [ADMIN_TOKEN, 'wrong']) {
        const used = await closed.client(`${slug(program)}-netrc-${password.length}`, programPath(program), cliConfig({ credentials: { [closed.host]: ADMIN_TOKEN } }));
        const netrc = ['127.0.0.1', closed.host].map((machine) => `machine ${machine} login anybody password ${password}\n`).join('');
        await writeFile(join(used.home, '.netrc'), netrc, { mode: 0o600 });

        const installed = await used.run(['init', '-no-color'], { cwd: await used.project('init', { 'main.tf': secrets() }) });

        expect(installed.code, installed.output).toBe(0);
      }
      run.shows(program, 'netrc');
    });
  });

  describe('with our processes stopped, from the registry below', () => {
    let secure: RunningRegistry;
    let caFile: string;
    beforeAll(async () => {
      await proxy.app.stop();
      const authority = await testAuthority(directory);
      caFile = authority.caFile;
      secure = await startDockerRegistry({ directory, readOnly: true, tls: await authority.certificate() });
    });
    afterAll(() => secure?.stop());

    async function native(program: Program): Promise<TerraformClient> {
      const template = `127.0.0.1:${secure.port}/packages/terraform/providers/localhost/\${namespace}/\${type}`;
      const used = await proxy.client(`${slug(program)}-native`, programPath(program), cliConfig({ installation: [{ kind: 'oci_mirror', template, include: [`${proxy.host}/*/*`] }] }));
      return { ...used, run: async (parameters, how) => used.run(parameters, { ...how, environment: { SSL_CERT_FILE: caFile } }) };
    }

    it.each(clientsOf('native provider'))('%s installs a provider, and again with a lock file that was made through us', async (program) => {
      const used = await native(program);
      const lock = await (await client(program)).lock(join((await client(program)).directory, 'projects/init'));

      const cwd = await used.project('native', { 'main.tf': demo() });
      const bare = await used.run(['init', '-no-color'], { cwd });
      const locked = await used.run(['init', '-no-color', '-lockfile=readonly'], { cwd: await used.project('native-locked', { 'main.tf': demo(), '.terraform.lock.hcl': lock }) });

      expect(lock).toContain('zh:');
      expect([bare.code, locked.code], bare.output + locked.output).toEqual([0, 0]);
      expect(lockedProviders(await used.lock(cwd))[`${proxy.host}/acme/demo`]?.version).toBe('1.0.0');
      run.shows(program, 'native provider');
    });

    it.each(clientsOf('native module'))('%s installs a module, and a part of it', async (program) => {
      const used = await native(program);
      const source = `oci://127.0.0.1:${secure.port}/packages/terraform/modules/localhost/acme/network/aws`;
      const cwd = await used.project('native-module', { 'main.tf': rootModule({ modules: { whole: { source: `${source}?tag=1.1.0` }, part: { source: `${source}//modules/sub?tag=1.0.0` } }, body: 'output "names" {\n  value = [module.whole.whole, module.part.name]\n}\n' }) });

      const installed = await used.run(['init', '-no-color'], { cwd });
      const planned = await used.run(['plan', '-no-color'], { cwd });

      expect(installed.code, installed.output).toBe(0);
      expect(planned.output).toMatch(/names = \[\s*\+? *"sub",\s*\+? *"sub",/);
      run.shows(program, 'native module');
    });
  });

  it('shows what docs/clients-terraform.md says', async () => {
    const table = run.table();
    process.stdout.write(`\nTerraform and OpenTofu and what each was seen to do\n\n${table}\n\n`);

    expect(table).not.toContain('FAILED');
    expect(await readFile(join(WORKSPACE_ROOT, 'docs/clients-terraform.md'), 'utf8')).toContain(renderMatrix(() => true));
  });
});
