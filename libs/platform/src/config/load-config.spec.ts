import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { temporaryDirectory } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { configSummary } from './config-summary.ts';
import { loadConfig } from './load-config.ts';

const APP = { name: 'alpha', port: 8081, metricsPort: 9091, basePath: '/' };
const SECRET = 'a-secret-of-more-than-thirty-two-characters';
const CLUSTER = { STORAGE_URL: 'https://registry.example.com/prefix', QUEUE_URL: 'redis://127.0.0.1:6379', SECRET_KEY: SECRET };

type Env = Readonly<Record<string, string>>;

/** The text of the refusal; fails when there is none. */
async function refusal(env: Env, options: Partial<Parameters<typeof loadConfig>[0]> = {}): Promise<string> {
  const error: unknown = await loadConfig({ app: APP, env, ...options }).then(() => null, (thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'config' });
  return error instanceof Error ? error.message : '';
}

describe('loadConfig', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await temporaryDirectory('config');
  });
  afterEach(async () => rm(directory, { recursive: true, force: true }));

  const file = async (name: string, content: string): Promise<string> => {
    await writeFile(join(directory, name), content);
    return join(directory, name);
  };

  it('has the documented defaults', async () => {
    const config = await loadConfig({ app: APP, env: CLUSTER });

    expect(config).toMatchObject({
      app: 'alpha', standalone: false, host: '127.0.0.1', port: 8081, basePath: '', loopback: true, publicUrl: null, tls: null, trustedProxies: [], publish: true,
      spoolMaxBytes: 10 * 2 ** 30, queueUrl: CLUSTER.QUEUE_URL, cacheUrl: null, ecosystems: null, usersFile: null, adminToken: null, adminTokenIsNew: false, anonymousRead: true, registryPassThrough: false,
      storage: { url: CLUSTER.STORAGE_URL, username: null, password: null, passwordFile: null, dockerConfigFile: null, ca: null, clientCertificate: null, credentials: null },
      internal: { host: '127.0.0.1', port: 9091, url: null }, logLevel: 'info',
      file: { upstreams: [], storage: { ca: null }, limits: { publishBytes: 5 * 2 ** 30, storageConnections: 16 } },
    });
    expect(config.spoolDir).toBe(join(config.dataDir, 'spool'));
  });

  it('needs nothing for a command, and makes and keeps nothing', async () => {
    const config = await loadConfig({ app: APP, env: { DATA_DIR: join(directory, 'data'), HOST: '0.0.0.0' }, admin: true, listens: false });

    expect(config).toMatchObject({ admin: true, standalone: false, adminToken: null, tls: null, queueUrl: null, storage: { url: `layout:${join(directory, 'data/oci')}` } });
    await expect(stat(join(directory, 'data'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it.each<[string, string, (config: Awaited<ReturnType<typeof loadConfig>>) => unknown, unknown]>([
    ['HOST', '::1', ({ host, loopback }) => [host, loopback], ['::1', true]],
    ['PORT', '0', ({ port }) => port, 0],
    ['BASE_PATH', '/a/b/', ({ basePath }) => basePath, '/a/b'],
    ['BASE_PATH', '/', ({ basePath }) => basePath, ''],
    ['PUBLIC_URL', 'https://packages.example.com/', ({ publicUrl }) => publicUrl, 'https://packages.example.com'],
    ['TRUSTED_PROXIES', '10.0.0.0/8, ::1', ({ trustedProxies }) => trustedProxies.map(({ text }) => text), ['10.0.0.0/8', '::1']],
    ['PUBLISH', 'off', ({ publish }) => publish, false],
    ['SPOOL_MAX_BYTES', '500MB', ({ spoolMaxBytes }) => spoolMaxBytes, 500_000_000],
    ['SPOOL_MAX_BYTES', '1.5 GiB', ({ spoolMaxBytes }) => spoolMaxBytes, 1.5 * 2 ** 30],
    ['REGISTRY_PASS_THROUGH', 'on', ({ registryPassThrough }) => registryPassThrough, true],
    ['STORAGE_URL', 'layout:store', ({ storage }) => storage.url, 'layout:store'],
    ['DOCKER_CONFIG', '/etc/docker', ({ storage }) => storage.dockerConfigFile, '/etc/docker/config.json'],
    ['QUEUE_URL', 'rediss://queue.example.com:6380/2', ({ queueUrl }) => queueUrl, 'rediss://queue.example.com:6380/2'],
    ['CACHE_URL', 'redis+sentinel://one.example.com,two.example.com/name', ({ cacheUrl }) => cacheUrl, 'redis+sentinel://one.example.com,two.example.com/name'],
    ['INGEST_ECOSYSTEMS', 'alpha, beta', ({ ecosystems }) => ecosystems, ['alpha', 'beta']],
    ['USERS_FILE', '/etc/users', ({ usersFile }) => usersFile, '/etc/users'],
    ['ADMIN_TOKEN', 'sixteen-or-longer', ({ adminToken, adminTokenIsNew }) => [adminToken, adminTokenIsNew], ['sixteen-or-longer', false]],
    ['ANONYMOUS_READ', 'false', ({ anonymousRead }) => anonymousRead, false],
    ['INTERNAL_HOST', '10.1.2.3', ({ internal }) => internal.host, '10.1.2.3'],
    ['METRICS_PORT', 'off', ({ internal }) => internal.port, null],
    ['INTERNAL_URL', 'http://10.1.2.3:9091/', ({ internal }) => internal.url, 'http://10.1.2.3:9091'],
    ['LOG_LEVEL', 'trace', ({ logLevel }) => logLevel, 'trace'],
    ['PORT', ' ', ({ port }) => port, 8081],
  ])('takes %s=%s', async (name, value, pick, expected) => {
    const config = await loadConfig({ app: APP, env: { ...CLUSTER, [name]: value } });

    expect(pick(config)).toEqual(expected);
  });

  it.each([
    ['HOST', 'a host'],
    ['PORT', '65536'],
    ['PORT', '80x'],
    ['BASE_PATH', 'alpha'],
    ['BASE_PATH', '/a//b'],
    ['PUBLIC_URL', 'ftp://hidden.example.com'],
    ['PUBLIC_URL', 'https://hidden:hidden@example.com'],
    ['PUBLIC_URL', 'https://example.com/?hidden'],
    ['TRUSTED_PROXIES', '10.0.0.0/99-hidden'],
    ['SECRET_KEY', 'hidden'],
    ['PUBLISH', 'hidden'],
    ['SPOOL_MAX_BYTES', '0'],
    ['SPOOL_MAX_BYTES', '10 hidden'],
    ['STORAGE_URL', 'layout:'],
    ['REGISTRY_PASS_THROUGH', 'true'],
    ['STORAGE_URL', 'https://user:hidden@registry.example.com'],
    ['QUEUE_URL', 'http://hidden.example.com'],
    ['CACHE_URL', 'memcached://hidden'],
    ['INGEST_ECOSYSTEMS', 'Hidden'],
    ['ADMIN_TOKEN', 'hidden'],
    ['ADMIN_TOKEN', 'hidden and with spaces'],
    ['ANONYMOUS_READ', 'hidden'],
    ['METRICS_PORT', 'hidden'],
    ['INTERNAL_URL', 'hidden'],
    ['INTERNAL_HOST', '/hidden'],
    ['LOG_LEVEL', 'hidden'],
  ])('refuses %s=%s by its name, without its value', async (name, value) => {
    const text = await refusal({ ...CLUSTER, [name]: value });

    expect(text).toMatch(new RegExp(`\\n {2}- ${name}: `));
    expect(text).not.toContain('hidden');
    expect(text.match(/\n/g)).toHaveLength(1);
  });

  it.each<[string, Env, RegExp[]]>([
    ['nothing at all', {}, [/STORAGE_URL: required/, /QUEUE_URL: required/, /SECRET_KEY: required/]],
    ['a listener that others reach', { ...CLUSTER, HOST: '0.0.0.0' }, [/PUBLIC_URL: required/, /ANONYMOUS_READ: must be said/]],
    ['half a certificate', { ...CLUSTER, TLS_PORT: '8443', TLS_CERT_FILE: 'c' }, [/TLS_CERT_FILE and TLS_KEY_FILE belong together/]],
    ['a TLS port without a certificate', { ...CLUSTER, TLS_PORT: '8443' }, [/TLS_PORT: needs TLS_CERT_FILE/]],
    ['a certificate without a TLS port', { ...CLUSTER, TLS_CERT_FILE: 'c', TLS_KEY_FILE: 'k' }, [/TLS_CERT_FILE: needs TLS_PORT/]],
    ['a TLS port that is none', { ...CLUSTER, TLS_PORT: '-1', TLS_CERT_FILE: 'c', TLS_KEY_FILE: 'k' }, [/TLS_PORT: must be a port number/]],
    ['half a credential', { ...CLUSTER, STORAGE_USERNAME: 'u' }, [/STORAGE_USERNAME and STORAGE_PASSWORD belong together/]],
    ['rights of a directory', { ...CLUSTER, STORAGE_URL: 'layout:x', REGISTRY_PASS_THROUGH: 'on' }, [/REGISTRY_PASS_THROUGH: needs a registry as STORAGE_URL: a layout directory knows no accounts/]],
    ['a user for a directory', { ...CLUSTER, STORAGE_URL: 'layout:x', STORAGE_USERNAME: 'u', STORAGE_PASSWORD: 'p' }, [/STORAGE_USERNAME: a layout directory takes no user/]],
    ['one port twice', { ...CLUSTER, PORT: '9091' }, [/METRICS_PORT: is the same port as PORT/]],
    ['an address of no listener', { ...CLUSTER, METRICS_PORT: 'off', INTERNAL_URL: 'http://10.0.0.1' }, [/INTERNAL_URL: there is no internal listener/]],
    ['a value and a file', { ...CLUSTER, ADMIN_TOKEN: 'x'.repeat(16), ADMIN_TOKEN_FILE: '/x' }, [/ADMIN_TOKEN: set either ADMIN_TOKEN or ADMIN_TOKEN_FILE, not both/]],
    ['a file that is not there', { ...CLUSTER, ADMIN_TOKEN_FILE: '/no/such/file' }, [/ADMIN_TOKEN_FILE: the file cannot be read/]],
    ['everything that is wrong, at once', { ...CLUSTER, PORT: 'x', LOG_LEVEL: 'x' }, [/PORT: /, /LOG_LEVEL: /]],
  ])('refuses %s', async (_what, env, texts) => {
    const text = await refusal(env);

    expect(text.split('\n').slice(1)).toHaveLength(texts.length);
    for (const expected of texts) {
      expect(text).toMatch(expected);
    }
  });

  it('takes what others reach when it is said how', async () => {
    const config = await loadConfig({ app: APP, env: { ...CLUSTER, HOST: '0.0.0.0', PUBLIC_URL: 'https://packages.example.com', ANONYMOUS_READ: 'true' } });

    expect([config.loopback, config.anonymousRead]).toEqual([false, true]);
  });

  it('reads values from files, the platform\'s and the app\'s', async () => {
    const env = { ...CLUSTER, SECRET_KEY: '', SECRET_KEY_FILE: await file('secret', `${SECRET}\r\n`), ALPHA_URL_FILE: await file('url', 'https://upstream.example.com\n') };

    const config = await loadConfig({ app: APP, env, variables: { ALPHA_URL: z.url() } });

    expect([config.secretKey, config.ALPHA_URL]).toEqual([SECRET, 'https://upstream.example.com']);
  });

  it('checks the app\'s own variables', async () => {
    const variables = { ALPHA_URL: z.url(), ALPHA_SIZE: z.coerce.number().default(7) };

    expect(await refusal(CLUSTER, { variables })).toMatch(/ALPHA_URL: required/);
    expect(await refusal({ ...CLUSTER, ALPHA_URL: 'hidden' }, { variables })).not.toContain('hidden');
    expect(await loadConfig({ app: APP, env: { ...CLUSTER, ALPHA_URL: 'https://upstream.example.com' }, variables })).toMatchObject({ ALPHA_SIZE: 7 });
  });

  describe('CONFIG_FILE', () => {
    it('gives sections, with the files that they name', async () => {
      await file('ca.pem', 'PEM');
      await file('password', 'pass word\n');
      const path = await file('config.yaml', `
upstreams:
  - { url: 'https://upstream.example.com/a', username: u, passwordFile: password, caFile: ca.pem }
  - { url: 'https://other.example.com', token: t, for: ['https://upstream.example.com'] }
storage: { caFile: ca.pem }
limits: { publishBytes: 1GiB }
names: [x]
`);

      const { file: read, storage } = await loadConfig({ app: APP, env: { ...CLUSTER, CONFIG_FILE: path }, configFile: { names: z.array(z.string()) } });

      expect(read.upstreams).toEqual([
        { url: 'https://upstream.example.com/a', ca: 'PEM', credential: { kind: 'basic', username: 'u', password: 'pass word' } },
        { url: 'https://other.example.com', ca: null, credential: { kind: 'bearer', token: 't' }, for: ['https://upstream.example.com'] },
      ]);
      expect([storage.ca, read.limits.publishBytes, read.limits.upstreamConnections, read.names]).toEqual(['PEM', 2 ** 30, 64, ['x']]);
      expect(read.directory).toBe(directory);
    });

    it.each([
      ['empty', ''],
      ['with empty sections', 'limits:\nupstreams:\n'],
      ['of comments', '# nothing\n'],
    ])('%s has the defaults', async (_what, yaml) => {
      const config = await loadConfig({ app: APP, env: { ...CLUSTER, CONFIG_FILE: await file('config.yaml', yaml) } });

      expect(config.file).toMatchObject({ upstreams: [], limits: { storageConnections: 16 } });
    });

    it.each([
      ['an unknown section', 'limit: {}', /CONFIG_FILE: .*"limit"/],
      ['an unknown key', 'limits: { publishByte: hidden }', /CONFIG_FILE\.limits: .*"publishByte"/],
      ['a key twice', 'limits: {}\nlimits: {}', /CONFIG_FILE: line 2 is not valid YAML/],
      ['no YAML', 'a: [hidden', /CONFIG_FILE: line 1 is not valid YAML/],
      ['a list', '- hidden', /CONFIG_FILE: /],
      ['a wrong size', 'limits: { publishBytes: hidden }', /CONFIG_FILE\.limits\.publishBytes: must be a size/],
      ['a wrong type', 'upstreams: hidden', /CONFIG_FILE\.upstreams: /],
      ['no URL', 'upstreams: [{ url: hidden }]', /CONFIG_FILE\.upstreams\.0\.url: must be an http/],
      ['a credential in a URL', 'upstreams: [{ url: "https://a:hidden@example.com" }]', /upstreams\.0\.url: must not hold/],
      ['half a credential', 'upstreams: [{ url: "https://example.com", password: hidden }]', /upstreams\.0: username and password/],
      ['two credentials', 'upstreams: [{ url: "https://example.com", token: hidden, username: u, password: hidden }]', /upstreams\.0: give a token or a username/],
      ['a file that is not there', 'storage: { caFile: none.pem }', /CONFIG_FILE\.storage\.caFile: the file cannot be read/],
      ['a bomb of aliases', `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [${'*a,'.repeat(9)}]\nc: &c [${'*b,'.repeat(9)}]\nd: [${'*c,'.repeat(9)}]`, /CONFIG_FILE: has an alias/],
    ])('with %s is refused, without its values', async (_what, yaml, expected) => {
      const text = await refusal({ ...CLUSTER, CONFIG_FILE: await file('config.yaml', yaml) });

      expect(text).toMatch(expected);
      expect(text).not.toContain('hidden');
    });

    it('that is not there, or far too large, is refused', async () => {
      const large = await file('large.yaml', `# ${'x'.repeat(5 * 2 ** 20)}`);

      expect(await refusal({ ...CLUSTER, CONFIG_FILE: join(directory, 'none') })).toMatch(/CONFIG_FILE: the file cannot be read/);
      expect(await refusal({ ...CLUSTER, CONFIG_FILE: large })).toMatch(/larger than 4 MiB/);
    });
  });

  describe('standalone', () => {
    it('needs nothing, and makes its secrets once, whoever starts at the same time', async () => {
      const dataDir = join(directory, 'data');
      const start = async (): ReturnType<typeof loadConfig> => loadConfig({ app: APP, standalone: true, env: { DATA_DIR: dataDir } });

      const together = await Promise.all(Array.from({ length: 10 }, start));
      const later = await start();

      expect(new Set([...together, later].map(({ secretKey }) => secretKey)).size).toBe(1);
      expect(new Set([...together, later].map(({ adminToken }) => adminToken)).size).toBe(1);
      expect(new Set([...together, later].map(({ instanceId }) => instanceId)).size).toBe(1);
      expect(together.filter(({ adminTokenIsNew }) => adminTokenIsNew)).toHaveLength(1);
      expect(later).toMatchObject({ adminTokenIsNew: false, queueUrl: null, storage: { url: `layout:${join(dataDir, 'oci')}` }, tls: { kind: 'self-made', port: 8443, directory: join(dataDir, 'tls') } });
      for (const name of ['secret-key', 'admin-token']) {
        expect((await stat(join(dataDir, name))).mode & 0o777).toBe(0o600);
      }
    });

    it('makes nothing while something else is wrong', async () => {
      const dataDir = join(directory, 'data');

      await refusal({ DATA_DIR: dataDir, PORT: 'x' }, { standalone: true });

      await expect(stat(dataDir)).rejects.toMatchObject({ code: 'ENOENT' });
    });

    it('says what to do about a data directory that is none', async () => {
      await mkdir(join(directory, 'sub'));
      const path = await file('sub/plain', 'a file');

      expect(await refusal({ DATA_DIR: path }, { standalone: true })).toMatch(/DATA_DIR: .*(?:cannot be read|cannot be written)/);
    });
  });

  it('is summed up without a secret', async () => {
    const variables = { ALPHA_URL: z.string(), ALPHA_TOKEN: z.string() };
    const env = {
      ...CLUSTER, QUEUE_URL: 'redis://user:hidden@queue.example.com', STORAGE_USERNAME: 'hidden', STORAGE_PASSWORD: 'hidden', ADMIN_TOKEN: 'hidden-hidden-hidden',
      ALPHA_URL: 'https://u:hidden@upstream.example.com', ALPHA_TOKEN: 'hidden',
    };

    const summary = configSummary(await loadConfig({ app: APP, env, variables }));

    expect(JSON.stringify(summary)).not.toMatch(/hidden|more-than-thirty-two/);
    expect(summary).toMatchObject({ QUEUE_URL: 'redis://queue.example.com', ADMIN_TOKEN: '(set)', ALPHA_URL: 'https://upstream.example.com/', ALPHA_TOKEN: '(set)', PORT: '8081' });
  });
});
