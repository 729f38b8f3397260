import { moduleArchive } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ADMIN, type Answer, type SampleOptions, type SampleRegistry, startSampleRegistry } from '../sample-registry.contract.ts';

const API = '/api/v1/terraform/modules';
const BASE = '/terraform/modules/v1';
const FILES = { 'main.tf': 'variable "cidr" {\n  type = string\n}\noutput "id" {\n  value = "x"\n}\n', 'README.md': '# Network\n', 'modules/subnet/main.tf': 'variable "zone" {}\n' };

let sample: SampleRegistry;

async function start(options: SampleOptions = {}): Promise<void> {
  sample = await startSampleRegistry(options);
}

afterEach(async () => sample.stop());

async function publish(name: string, { files = FILES, method = 'PUT', format = 'zip', headers = { authorization: ADMIN } }: { readonly files?: Record<string, string>; readonly method?: string; readonly format?: 'zip' | 'tar.gz'; readonly headers?: Record<string, string> } = {}): Promise<Answer> {
  return sample.ask(`${API}/${name}`, { method, headers, body: moduleArchive({ files, format }).bytes });
}

describe('a module that is published here', () => {
  beforeEach(async () => {
    await start();
    expect((await publish('Acme/net-work/aws/1.0.0')).status).toBe(201);
    expect((await publish('Acme/net-work/aws/1.10.0', { method: 'POST', format: 'tar.gz' })).status).toBe(201);
    expect((await publish('Acme/net-work/aws/1.9.0')).status).toBe(201);
  });

  it('has its versions listed, at the own host and below upstream/', async () => {
    for (const base of [BASE, '/terraform/upstream/localhost:8443/modules/v1']) {
      const answer = await sample.ask(`${base}/Acme/net-work/aws/versions`);

      expect([answer.status, answer.headers['content-type'], answer.headers['cache-control']], base).toEqual([200, 'application/json', 'public, no-cache']);
      expect(answer.json()).toEqual({ modules: [{ source: 'Acme/net-work/aws', versions: [{ version: '1.10.0' }, { version: '1.9.0' }, { version: '1.0.0' }] }] });
    }
  });

  it.each([`${BASE}/Acme/net-work/aws/1.0.0/download`, '/terraform/upstream/localhost/modules/v1/Acme/net-work/aws/1.0.0/download'])('says at %s where its archive is, to every client', async (path) => {
    const answer = await sample.ask(path);
    const location = answer.headers['x-terraform-get'] as string;
    const url = new URL(location, `https://gateway.example.com/outer${path}`);
    const archive = await sample.ask(`${url.pathname.slice('/outer'.length)}${url.search}`);
    const direct = await sample.ask(`${url.pathname.slice('/outer'.length)}?archive=false`, { headers: { authorization: 'Bearer whatever' } });

    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/json']);
    expect(location).toMatch(/^\.\.\//);
    expect(url.pathname).toMatch(/^\/outer\/terraform\/files\/[^/]+\/[^/]+\.zip$/);
    expect(answer.json()).toEqual({ location });
    expect([archive.status, direct.status]).toEqual([200, 200]);
    expect(archive.body.subarray(0, 4)).toEqual(Buffer.from('PK\u0003\u0004'));
    expect(`"sha256:${(url.searchParams.get('checksum') ?? '').replace('sha256:', '')}"`).toBe(archive.headers.etag);
  });

  it('leads to its newest version', async () => {
    const path = `${BASE}/Acme/net-work/aws/download`;
    const answer = await sample.ask(path);

    expect([answer.status, new URL(answer.headers.location ?? '', `http://x${path}`).pathname]).toEqual([302, `${BASE}/Acme/net-work/aws/1.10.0/download`]);
  });

  it('says so of the same again, however it is packed, and refuses other content', async () => {
    const same = await publish('Acme/net-work/aws/1.0.0', { format: 'tar.gz' });
    const other = await publish('Acme/net-work/aws/1.0.0', { files: { 'main.tf': '# other\n' } });

    expect([same.status, same.json()]).toEqual([200, { name: 'localhost/Acme/net-work/aws', version: '1.0.0', outcome: 'same', files: [expect.stringMatching(/\.zip$/)], warnings: [] }]);
    expect([other.status, other.json()['code']]).toEqual([409, 'conflict']);
  });

  it('has details for people', async () => {
    const latest = await sample.ask(`${BASE}/Acme/net-work/aws`);
    const one = await sample.ask(`${BASE}/Acme/net-work/aws/1.0.0`);

    expect(latest.json()).toMatchObject({ id: 'Acme/net-work/aws/1.10.0', versions: ['1.10.0', '1.9.0', '1.0.0'], providers: ['aws'], root: { readme: '# Network\n', inputs: [{ name: 'cidr', required: true }], outputs: [{ name: 'id' }] }, submodules: [{ path: 'modules/subnet' }] });
    expect(one.json()).toMatchObject({ version: '1.0.0' });
  });

  it.each([
    ['/Acme/other/aws/versions', 404],
    ['/Acme/net-work/aws/9.0.0/download', 404],
    ['/Acme/net-work/aws/nonsense/download', 404],
    ['/Acme/net-work/aws/9.0.0', 404],
    ['/Acme/net-work/azure', 404],
    ['/Acme/other', 404],
    ['/Acme/other/aws/download', 404],
    ['/a..b/net/aws/versions', 404],
    ['/Acme/net-work/A_WS/versions', 404],
    ['/Acme/%2e%2e/aws/versions', 404],
    ['?limit=x', 400],
    ['?offset=-1', 400],
  ])('is not at %s: %i', async (path, status) => {
    const answer = await sample.ask(`${BASE}${path}`);

    expect([answer.status, answer.headers['content-type']]).toEqual([status, 'application/json']);
    expect(answer.json()).toEqual({ errors: [expect.any(String)] });
  });
});

describe('the list of modules', () => {
  beforeEach(async () => {
    await start();
    for (const name of ['acme/alpha/aws', 'acme/alpha/azurerm', 'acme/beta/aws', 'other/gamma/aws']) {
      expect((await publish(`${name}/1.0.0`)).status).toBe(201);
    }
  });

  async function ids(path: string): Promise<readonly string[]> {
    const answer = await sample.ask(`${BASE}${path}`);
    expect(answer.status).toBe(200);
    return (answer.json()['modules'] as { readonly id: string }[]).map(({ id }) => id.replace('/1.0.0', ''));
  }

  it.each([
    ['', ['acme/alpha/aws', 'acme/alpha/azurerm', 'acme/beta/aws', 'other/gamma/aws']],
    ['/', ['acme/alpha/aws', 'acme/alpha/azurerm', 'acme/beta/aws', 'other/gamma/aws']],
    ['/acme', ['acme/alpha/aws', 'acme/alpha/azurerm', 'acme/beta/aws']],
    ['/acme/alpha', ['acme/alpha/aws', 'acme/alpha/azurerm']],
    ['?provider=azurerm', ['acme/alpha/azurerm']],
    ['?verified=true', []],
    ['/search?q=BETA', ['acme/beta/aws']],
    ['/search?q=acme%20azurerm', ['acme/alpha/azurerm']],
    ['/search?q=nothing', []],
    ['/nobody', []],
    ['?limit=2&offset=1', ['acme/alpha/azurerm', 'acme/beta/aws']],
    ['?offset=100', []],
  ])('at %j has %j', async (path, names) => {
    expect(await ids(path)).toEqual(names);
  });

  it('has pages that lead to one another', async () => {
    const first = await sample.ask(`${BASE}?limit=2`);
    const { meta } = first.json() as { readonly meta: Record<string, unknown> };

    expect(meta).toMatchObject({ limit: 2, current_offset: 0, next_offset: 2 });
    expect((await sample.ask(String(meta['next_url']))).json()).toMatchObject({ meta: { current_offset: 2, prev_offset: 0 }, modules: [{ name: 'beta' }, { name: 'gamma' }] });
  });

  it('knows all systems of a module', async () => {
    expect((await sample.ask(`${BASE}/acme/alpha/aws`)).json()).toMatchObject({ providers: ['aws', 'azurerm'] });
  });

  it('has no module of another host', async () => {
    expect((await sample.ask('/terraform/upstream/other.example.com/modules/v1')).status).toBe(404);
    expect((await sample.ask('/terraform/upstream/%20/modules/v1')).status).toBe(404);
  });
});

describe('modules that not everybody may read', () => {
  const rules = [{ who: ['*'], may: ['read' as const], ecosystem: 'terraform', packages: ['modules/*/open/**'] }];

  beforeEach(async () => {
    await start({ rules });
    for (const name of ['open/net/aws', 'secret/net/aws']) {
      expect((await publish(`${name}/1.0.0`)).status).toBe(201);
    }
  });

  it('are in no list of those who may not', async () => {
    const names = async (headers: Record<string, string>): Promise<unknown> => ((await sample.ask(BASE, { headers })).json()['modules'] as { readonly namespace: string }[]).map(({ namespace }) => namespace);

    expect(await names({})).toEqual(['open']);
    expect(await names({ authorization: ADMIN })).toEqual(['open', 'secret']);
    expect((await sample.ask(BASE)).headers['cache-control']).toBe('private, no-cache');
  });

  it.each(['/secret/net/aws/versions', '/secret/net/aws/1.0.0/download', '/secret/net/aws/download', '/secret/net/aws', '/secret/net/aws/1.0.0'])('are not at %s, whether they are there or not', async (path) => {
    const [there, notThere] = [await sample.ask(`${BASE}${path}`), await sample.ask(`${BASE}${path.replace('net', 'not')}`)];

    expect([there.status, notThere.status]).toEqual([401, 401]);
    expect(there.text().replace('/net/', '//')).toBe(notThere.text().replace('/not/', '//'));
  });
});

describe('publishing a module', () => {
  beforeEach(async () => start());

  it.each([
    ['acme/net/aws/v1.0.0', 400],
    ['acme/net/aws/1.0', 400],
    ['acme/net/AWS/1.0.0', 400],
    ['-acme/net/aws/1.0.0', 400],
  ])('is refused for %s: %i', async (name, status) => {
    const answer = await publish(name);

    expect([answer.status, typeof answer.json()['error']]).toEqual([status, 'string']);
  });

  it('is refused without a right, and for what is no module', async () => {
    const anonymous = await publish('acme/net/aws/1.0.0', { headers: {} });
    const empty = await publish('acme/net/aws/1.0.0', { files: { 'readme.txt': 'no module' } });
    const nothing = await sample.ask(`${API}/acme/net/aws/1.0.0`, { method: 'PUT', headers: { authorization: ADMIN }, body: 'no archive' });

    expect([anonymous.status, empty.status, nothing.status]).toEqual([401, 422, 422]);
    expect(sample.writes).toEqual(['refused', 'refused']);
  });
});
