import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { type PackageFile, pypiUploadBody, type PypiUpstream, type PypiUpstreamFile, type PythonClients, sdistFile, startPypiUpstream, wheelFile, WORKSPACE_ROOT } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { CLIENTS, type Client, clientsOf, MatrixRun } from './client-matrix.ts';
import { ADMIN_TOKEN, type PypiStandalone, startPypiStandalone } from './pypi-standalone.ts';
import { install, type Installed, type Installer } from './python-installs.ts';
import { distribution, publish, type Publisher } from './python-publishes.ts';
import { type Relay, startRelay } from './relay.ts';

const run = new MatrixRun();
const SPLIT = '2025-01-01T00:00:00Z';

const leaf = ['1.0', '1.1', '2.0'].map((version) => wheelFile({ name: 'leaf', version }));
const wheel = (name: string, version: string, more: Partial<PypiUpstreamFile> & { padding?: number } = {}): PypiUpstreamFile => ({ file: wheelFile({ name, version, padding: more.padding }), ...more });

const PUBLIC = [
  { name: 'leaf', files: [wheel('leaf', '1.0'), wheel('leaf', '1.1'), wheel('leaf', '2.0', { yanked: 'broken build' })] },
  { name: 'Tree.House', files: [{ file: sdistFile({ name: 'Tree.House', version: '2.0', requires: ['leaf'] }) }] },
  { name: 'gated', files: [wheel('gated', '1.0', { uploadTime: '2024-05-01T00:00:00Z' }), wheel('gated', '2.0', { uploadTime: '2026-05-01T00:00:00Z' })] },
  // One for each client, so that each meets it when it is not held.
  ...CLIENTS.map((client) => ({ name: `lazy-${slug(client)}`, files: [wheel(`lazy-${slug(client)}`, '1.0', { metadata: 'none', padding: 200_000 })] })),
];

function slug(client: Client): string {
  return client.replaceAll(' ', '-');
}

describe('every client, unmodified', () => {
  let upstream: PypiUpstream;
  let proxy: PypiStandalone;
  let relay: Relay;
  const known = new Map<Client, PythonClients>();

  beforeAll(async () => {
    upstream = await startPypiUpstream(PUBLIC, { links: 'absolute' });
    proxy = await startPypiStandalone({ PYPI_UPSTREAM_URL: upstream.url });
    relay = await startRelay(proxy.origin);
    for (const version of ['1.0', '1.1']) {
      await upload(wheelFile({ name: 'acme-tool', version }));
    }
    await proxy.manage('PUT', 'projects/acme-tool/versions/1.1/yank', { reason: 'eats data' });
    await upload(wheelFile({ name: 'acme-heavy', version: '1.0', padding: 3_000_000, method: 'stored' }));
  });
  afterAll(async () => {
    await relay?.close();
    await proxy?.stop();
    await upstream?.close();
  });

  async function upload(file: PackageFile): Promise<void> {
    const { body, contentType } = pypiUploadBody({ file });
    const authorization = `Basic ${Buffer.from(`__token__:${ADMIN_TOKEN}`).toString('base64')}`;
    const answer = await fetch(proxy.upload, { method: 'POST', headers: { 'content-type': contentType, authorization }, body: new Uint8Array(body) });
    expect(answer.status, await answer.text()).toBe(200);
  }

  async function clients(client: Client): Promise<PythonClients> {
    const made = known.get(client) ?? (await proxy.clients(slug(client), { index: `${relay.url}/pypi/simple/`, upload: `${relay.url}/pypi/legacy/` }));
    known.set(client, made);
    return made;
  }

  async function installed(client: Client, label: string, requirements: readonly string[], more: { readonly parameters?: readonly string[]; readonly environment?: Readonly<Record<string, string>> } = {}): Promise<Installed> {
    return install(client as Installer, { clients: await clients(client), index: `${relay.url}/pypi/simple/`, label, requirements, ...more });
  }

  /** What the index shows of a project: sha256 by file name. */
  async function listed(name: string): Promise<Readonly<Record<string, string>>> {
    const page = await fetch(`${proxy.index}${name}/`, { headers: { accept: 'application/vnd.pypi.simple.v1+json' } });
    const { files } = (await page.json()) as { files: { filename: string; hashes: { sha256: string } }[] };
    return Object.fromEntries(files.map(({ filename, hashes }) => [filename, hashes.sha256]));
  }

  const paths = (since: number): readonly string[] => relay.requests.slice(since).map(({ method, path, range, status }) => `${method} ${path} ${range ?? '-'} ${status}`);

  it.each(clientsOf('install'))('%s installs what is pulled through, and locks it by hash', async (client) => {
    const { result, packages, lock } = await installed(client, 'install', ['tree-house', 'leaf>=1.0']);

    expect(result.code, result.output).toBe(0);
    expect(packages).toMatchObject({ 'tree-house': '2.0', leaf: '1.1' });
    run.shows(client, 'install');
    if (client !== 'pip' && clientsOf('lock').includes(client)) {
      expect(lock).toContain(leaf[1]?.sha256);
      run.shows(client, 'lock');
    }
  });

  it('pip locks by hash', async () => {
    const made = await clients('pip');
    const lock = join(made.directory, 'pylock.toml');

    const result = await made.pip(['lock', 'leaf', '--output', lock]);

    expect(result.code, result.output).toBe(0);
    const text = await readFile(lock, 'utf8');
    expect(text).toContain(leaf[1]?.sha256);
    expect(text).toContain(`${relay.url}/pypi/`);
    run.shows('pip', 'lock');
  });

  it.each(clientsOf('yank'))('%s does not choose what is yanked, and installs it where it is asked for by its version', async (client) => {
    const chosen = await installed(client, 'yank', ['acme-tool']);
    const pinned = await installed(client, 'yank', ['acme-tool==1.1']);

    expect(chosen.result.code, chosen.result.output).toBe(0);
    expect(chosen.packages).toMatchObject({ 'acme-tool': '1.0' });
    expect(pinned.result.code, pinned.result.output).toBe(0);
    expect(pinned.packages).toMatchObject({ 'acme-tool': '1.1' });
    if (SAYS_WHY.has(client)) {
      expect(pinned.result.output).toContain('eats data');
    }
    run.shows(client, 'yank');
  });

  it.each(clientsOf('new version'))('%s sees a new version at once, with warm caches', async (client) => {
    const name = `acme-fresh-${slug(client)}`;
    await upload(wheelFile({ name, version: '1.0' }));

    const before = await installed(client, 'fresh', [`${name}>=1`]);
    await upload(wheelFile({ name, version: '1.1' }));
    // These two leave alone what is installed and fits: another environment, the same caches.
    const after = await installed(client, client === 'hatch' || client === 'flit' ? 'fresh-2' : 'fresh', [`${name}>=1`]);

    expect(before.packages, before.result.output).toMatchObject({ [name]: '1.0' });
    expect(after.packages, after.result.output).toMatchObject({ [name]: '1.1' });
    run.shows(client, 'new version');
  });

  it.each(['pip', 'uv'] as const)('%s asks again with what it has, and is told that nothing changed', async (client) => {
    await installed(client, 'conditional', ['leaf']);
    const since = relay.requests.length;

    const { result } = await installed(client, 'conditional', ['leaf']);

    expect(result.code, result.output).toBe(0);
    const asked = relay.requests.slice(since).filter(({ path }) => path.endsWith('/leaf/'));
    expect(asked.map(({ status }) => status)).toContain(304);
    expect(asked.map(({ status }) => status)).not.toContain(200);
  });

  it.each(clientsOf('broken download'))('%s survives a download that breaks off', async (client) => {
    const since = relay.requests.length;
    relay.cutOnce(/acme_heavy[^/]*\.whl$/, 1_000_000);

    const { result, packages } = await installed(client, 'heavy', ['acme-heavy'], { environment: { POETRY_REQUESTS_MAX_RETRIES: '2' } });

    expect(result.code, `${result.output}\n${paths(since).join('\n')}`).toBe(0);
    expect(packages).toMatchObject({ 'acme-heavy': '1.0' });
    const downloads = relay.requests.slice(since).filter(({ method, path }) => method === 'GET' && path.endsWith('.whl'));
    expect(downloads.length).toBeGreaterThan(1);
    if (RESUMES.has(client)) {
      expect(downloads.some(({ range, status }) => /^bytes=[1-9]\d*-/.test(range ?? '') && status === 206), paths(since).join('\n')).toBe(true);
    }
    run.shows(client, 'broken download');
  });

  it.each(clientsOf('ranges'))('%s reads metadata out of wheels by ranges, held or not', async (client) => {
    const how = { environment: { PIP_USE_FEATURE: 'fast-deps' } };
    const since = relay.requests.length;

    const cold = await installed(client, 'lazy', [`lazy-${slug(client)}`], how);
    const held = await installed(client, 'lazy-held', ['acme-heavy'], how);

    expect(cold.result.code, `${cold.result.output}\n${paths(since).join('\n')}`).toBe(0);
    expect(held.result.code, `${held.result.output}\n${paths(since).join('\n')}`).toBe(0);
    const ranges = relay.requests.slice(since).filter(({ range, method }) => range !== undefined || method === 'HEAD');
    expect(ranges.length, paths(since).join('\n')).toBeGreaterThan(0);
    if (client === 'pip 21') {
      expect(ranges.some(({ status }) => status === 206), paths(since).join('\n')).toBe(true);
    }
    run.shows(client, 'ranges');
  });

  it.each(clientsOf('age gate'))('%s leaves out what was uploaded too late, public and private', async (client) => {
    const days = Math.floor((Date.now() - Date.parse(SPLIT)) / 86_400_000);
    const parameters: Partial<Record<Client, readonly string[]>> = { pip: ['--uploaded-prior-to', SPLIT], uv: ['--exclude-newer', SPLIT], pdm: ['--exclude-newer', SPLIT] };
    const environment: Record<string, string> = client === 'poetry' ? { POETRY_SOLVER_MIN_RELEASE_AGE: String(days) } : {};
    const how = { parameters: parameters[client] ?? [], environment: parameters[client] === undefined && client !== 'poetry' ? { PIP_UPLOADED_PRIOR_TO: SPLIT } : environment };

    const gated = await installed(client, 'gated', ['gated'], how);
    const tooYoung = await installed(client, 'young', ['acme-tool==1.0'], how);

    expect(gated.result.code, gated.result.output).toBe(0);
    expect(gated.packages).toMatchObject({ gated: '1.0' });
    expect(tooYoung.result.code, tooYoung.result.output).not.toBe(0);
    run.shows(client, 'age gate');
  });

  it.each(clientsOf('publish'))('%s publishes, publishes the same again, and is refused other bytes', async (client) => {
    const what = { clients: await clients(client), name: `acme-by-${slug(client)}`, version: '1.0' };

    const first = await publish(client as Publisher, what);
    const files = await listed(what.name);
    const again = await publish(client as Publisher, what);
    const other = await publish(client as Publisher, { ...what, content: 'other' });

    expect(first.code, first.output).toBe(0);
    expect(Object.keys(files)).toHaveLength(2);
    if (client !== 'flit') {
      expect(files).toEqual(Object.fromEntries(distribution(what).map(({ filename, sha256 }) => [filename, sha256])));
    }
    run.shows(client, 'publish');
    expect(again.code, again.output).toBe(0);
    run.shows(client, 'same again');
    expect(await listed(what.name)).toEqual(files);
    if (client === 'hatch') {
      // It looks at the listing and sends nothing that is there by its name.
      expect(other.output).toMatch(/already exists|skipping/i);
    } else {
      expect(other.code, other.output).not.toBe(0);
      expect(other.output).toMatch(/already exists/);
    }
    run.shows(client, 'other bytes');
  });

  it.each(clientsOf('skip existing'))('%s skips what exists', async (client) => {
    const what = { clients: await clients(client), name: `acme-skip-${slug(client)}`, version: '1.0' };
    const parameters: Partial<Record<Client, readonly string[]>> = { uv: ['--check-url', `${relay.url}/pypi/simple/`], poetry: ['--skip-existing'], pdm: ['--skip-existing'] };

    const first = await publish(client as Publisher, { ...what, parameters: parameters[client] });
    const since = relay.requests.length;
    const second = await publish(client as Publisher, { ...what, parameters: parameters[client] });

    expect(first.code, first.output).toBe(0);
    expect(second.code, second.output).toBe(0);
    if (client === 'uv' || client === 'hatch') {
      expect(paths(since).filter((path) => path.startsWith('POST'))).toEqual([]);
    }
    run.shows(client, 'skip existing');
  });

  describe('on a server that nobody may read unsigned', () => {
    let closed: PypiStandalone;
    beforeAll(async () => {
      closed = await startPypiStandalone({ PYPI_UPSTREAM_URL: upstream.url, ANONYMOUS_READ: 'false' });
    });
    afterAll(() => closed?.stop());

    it.each(clientsOf('sign in'))('%s signs in', async (client) => {
      const signedIn = closed.index.replace('://', `://__token__:${ADMIN_TOKEN}@`);
      const made = await closed.clients(slug(client), { index: signedIn });
      const stranger = await closed.clients(`${slug(client)}-stranger`, { token: 'not-a-token' });
      const environment = { POETRY_HTTP_BASIC_CORPORATE_USERNAME: '__token__', POETRY_HTTP_BASIC_CORPORATE_PASSWORD: ADMIN_TOKEN };

      const what = { label: 'private', requirements: ['leaf'] };
      const [refused, allowed] =
        client === 'twine'
          ? [await publish('twine', { clients: stranger, name: 'acme-closed', version: '1.0' }), await publish('twine', { clients: made, name: 'acme-closed', version: '1.0' })]
          : [
              (await install(client as Installer, { ...what, clients: stranger, index: closed.index })).result,
              (await install(client as Installer, { ...what, clients: made, index: client === 'poetry' ? closed.index : signedIn, environment })).result,
            ];

      expect(refused.code, refused.output).not.toBe(0);
      expect(allowed.code, allowed.output).toBe(0);
      run.shows(client, 'sign in');
    });

    it('pip signs in with what is in a netrc file, after it was refused once', async () => {
      const made = await closed.clients('netrc');
      await writeFile(join(made.directory, 'home/.netrc'), `machine 127.0.0.1 login __token__ password ${ADMIN_TOKEN}\n`, { mode: 0o600 });

      const { result } = await install('pip', { clients: made, index: closed.index, label: 'netrc', requirements: ['leaf'] });

      expect(result.code, result.output).toBe(0);
    });
  });

  it('shows what docs/clients-pypi.md says', async () => {
    const table = run.table();
    process.stdout.write(`\nPython clients and what each was seen to do\n\n${table}\n\n`);

    expect(await readFile(join(WORKSPACE_ROOT, 'docs/clients-pypi.md'), 'utf8')).toContain(table);
  });
});

/** Clients that print the reason of a yank when they install it. */
const SAYS_WHY: ReadonlySet<Client> = new Set(['pip', 'pip 21', 'system pip', 'uv', 'poetry', 'hatch', 'flit']);
/** Clients that go on where a download broke off. */
const RESUMES: ReadonlySet<Client> = new Set(['pip', 'poetry']);
