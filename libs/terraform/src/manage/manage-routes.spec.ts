import { Readable } from 'node:stream';

import { moduleArchive, type ProviderRelease, providerRelease, signingKey, startTerraformUpstream, type TerraformUpstream, type TestKey } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { moduleRef, providerRef } from '../model/address.ts';
import { blockKey, yankKey } from '../model/terraform-fact.ts';
import { publishedFact } from '../read/sample-providers.contract.ts';
import { ADMIN, type Answer, type Ask, type SampleRegistry, startSampleRegistry } from '../sample-registry.contract.ts';

const OWN = 'tf.example.com';
const UPSTREAM = 'registry.example.com';
const API = '/api/v1/terraform';

let key: TestKey;
let release: ProviderRelease;
let upstream: TerraformUpstream;
let sample: SampleRegistry;
let count = 0;
/** Another one for every test: a provider with 1.0.0 and a module with 1.0.0 and 1.0.1+build. */
let namespace: string;
/** How many changes there were before. */
let written: number;

beforeAll(async () => {
  key = await signingKey();
  release = await providerRelease({ type: 'demo', version: '1.0.0', platforms: ['linux_amd64'], key });
  upstream = await startTerraformUpstream({ links: 'relative' });
  upstream.put({ namespace: 'acme', type: 'demo', releases: [release] });
  sample = await startSampleRegistry({ hostname: OWN, upstreams: [{ host: UPSTREAM, url: upstream.url }] });
});
afterAll(async () => {
  await sample.stop();
  await upstream.close();
});
beforeEach(async () => {
  count += 1;
  namespace = `acme-${count}`;
  written = sample.writes.length;
  await sample.ledger.publish(providerRef({ host: OWN, namespace, type: 'demo' }), publishedFact(release), { by: 'carol' });
});

async function ask(method: string, path: string, { headers, ...how }: Omit<Ask, 'method'> = {}): Promise<Answer> {
  return sample.ask(`${API}/${path}`, { method, headers: { authorization: ADMIN, ...headers }, ...how });
}

async function putModule(version: string): Promise<void> {
  const body = Readable.from([moduleArchive({ files: { 'main.tf': 'variable "x" {}\n' } }).bytes]);
  expect((await ask('PUT', `modules/${namespace}/net/aws/${encodeURIComponent(version)}`, { body })).status).toBe(201);
}

async function valueOf(name: string, host = OWN): Promise<unknown> {
  return (await sample.ledger.fold(providerRef({ host, namespace: host === OWN ? namespace : 'acme', type: 'demo' }), { fresh: true })).values.get(name)?.value;
}

describe('providers', () => {
  it('are shown to whoever may read, also by HEAD', async () => {
    const answer = await ask('GET', `providers/${namespace}/DEMO`);
    const head = await ask('HEAD', `providers/${namespace}/demo`);

    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({ 'content-type': 'application/json', 'cache-control': 'no-store' });
    expect(answer.json()).toMatchObject({ kind: 'provider', name: `${OWN}/${namespace}/demo`, versions: [{ version: '1.0.0', files: [{ platform: 'linux_amd64' }] }] });
    expect([head.status, head.body.length]).toEqual([200, 0]);
  });

  it('of another host are shown and changed too', async () => {
    const shown = await ask('GET', `providers/acme/demo?host=${UPSTREAM}`);
    const yanked = await ask('PUT', `providers/acme/demo/1.0.0/yank?host=${UPSTREAM.toUpperCase()}`);
    const unyanked = await ask('DELETE', `providers/acme/demo/1.0.0/yank?host=${UPSTREAM}`);

    expect(shown.json()).toMatchObject({ name: `${UPSTREAM}/acme/demo`, upstream: { host: UPSTREAM } });
    expect(yanked.json()).toEqual({ name: `${UPSTREAM}/acme/demo`, version: '1.0.0', yanked: '', changed: true });
    expect(unyanked.json()).toMatchObject({ yanked: null, changed: true });
  });

  it.each([
    ['{"reason":"bad"}', 'bad'],
    ['{"reason":null}', ''],
    ['{}', ''],
    [undefined, ''],
  ])('are yanked with %s, and unyanked', async (body, reason) => {
    const yanked = await ask('PUT', `providers/${namespace}/demo/1.0.0/yank`, body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } });

    expect([yanked.status, yanked.json()]).toEqual([200, { name: `${OWN}/${namespace}/demo`, version: '1.0.0', yanked: reason, changed: true }]);
    expect(await valueOf(yankKey('1.0.0'))).toBe(reason);
    expect((await ask('DELETE', `providers/${namespace}/demo/1.0.0/yank`)).json()).toMatchObject({ yanked: null, changed: true });
    expect(await valueOf(yankKey('1.0.0'))).toBeNull();
  });

  it.each([['a version', '/1.0.0'], ['all of it', '']])('are deleted: %s', async (_what, path) => {
    const answer = await ask('DELETE', `providers/${namespace}/demo${path}`);

    expect([answer.status, answer.json()]).toEqual([200, { name: `${OWN}/${namespace}/demo`, removed: ['1.0.0'], blocked: null, warnings: [] }]);
    expect((await sample.ask(`/terraform/providers/v1/${namespace}/demo/versions`)).status).toBe(404);
  });

  it('of upstream are blocked and unblocked', async () => {
    const blocked = await ask('DELETE', `providers/acme/demo/1.0.0?host=${UPSTREAM}`);
    const value = await valueOf(blockKey('1.0.0'), UPSTREAM);
    const unblocked = await ask('DELETE', `providers/acme/demo/1.0.0/block?host=${UPSTREAM}`);
    const all = await ask('DELETE', `providers/acme/demo?host=${UPSTREAM}`);
    const gone = await sample.ask(`/terraform/upstream/${UPSTREAM}/providers/v1/acme/demo/versions`);
    const back = await ask('DELETE', `providers/acme/demo/block?host=${UPSTREAM}`);

    expect(blocked.json()).toMatchObject({ removed: ['1.0.0'], blocked: 'version' });
    expect(value).toBe('');
    expect(unblocked.json()).toEqual({ name: `${UPSTREAM}/acme/demo`, version: '1.0.0', changed: true });
    expect(all.json()).toMatchObject({ blocked: 'package' });
    expect(gone.json()).toMatchObject({ versions: [] });
    expect(back.json()).toEqual({ name: `${UPSTREAM}/acme/demo`, version: null, changed: true });
  });
});

describe('modules', () => {
  it('are shown, yanked, unyanked and deleted', async () => {
    await putModule('1.0.0');
    await putModule('1.0.1+build');
    const base = `modules/${namespace}/net/aws`;
    const name = `${OWN}/${namespace}/net/aws`;

    const shown = await ask('GET', base);
    const yanked = await ask('PUT', `${base}/1.0.1+build/yank`, { body: '{"reason":"bad"}', headers: { 'content-type': 'application/json' } });
    const unyanked = await ask('DELETE', `${base}/1.0.1%2Bbuild/yank`);
    const deleted = await ask('DELETE', `${base}/1.0.1+build`);
    const all = await ask('DELETE', base);

    expect(shown.json()).toMatchObject({ kind: 'module', name, versions: [{ version: '1.0.1+build' }, { version: '1.0.0' }] });
    expect(yanked.json()).toEqual({ name, version: '1.0.1+build', yanked: 'bad', changed: true });
    expect(unyanked.json()).toEqual({ name, version: '1.0.1+build', yanked: null, changed: true });
    expect(deleted.json()).toEqual({ name, removed: ['1.0.1+build'], blocked: null, warnings: [] });
    expect(all.json()).toMatchObject({ removed: ['1.0.0'] });
    expect((await sample.ledger.fold(moduleRef({ host: OWN, namespace, name: 'net', system: 'aws' }), { fresh: true })).facts.size).toBe(0);
    expect((await ask('DELETE', `${base}/block`)).json()).toEqual({ name, version: null, changed: false });
    expect((await ask('DELETE', `${base}/1.0.0/block`)).json()).toEqual({ name, version: '1.0.0', changed: false });
  });
});

describe('keys', () => {
  it.each(['text/plain', 'application/pgp-keys', 'application/x-www-form-urlencoded', null])('are added as %s, listed and removed', async (type) => {
    const headers: Record<string, string> = type === null ? {} : { 'content-type': type };
    const how = { body: key.publicKey, headers };

    const added = await ask('POST', `keys/${namespace}?source=Acme&source_url=https://acme.example.com/`, how);
    const again = await ask('POST', `keys/${namespace.toUpperCase()}?host=${OWN}`, how);
    const listed = await ask('GET', `keys/${namespace}`);
    const removed = await ask('DELETE', `keys/${namespace}/${key.keyId}`);
    const empty = await ask('GET', `keys/${namespace}`);

    const shown = { key_id: key.keyId, fingerprint: key.fingerprint, expires: null, source: 'Acme', source_url: 'https://acme.example.com/', added_by: 'admin', added_at: expect.any(String) as string, ascii_armor: expect.stringContaining('PUBLIC KEY') as string };
    expect([added.status, added.json()]).toEqual([201, { namespace, outcome: 'created', ...shown }]);
    expect([again.status, again.json()]).toEqual([200, { namespace, outcome: 'same', ...shown }]);
    expect([listed.status, listed.json()]).toEqual([200, { namespace, keys: [shown] }]);
    expect([removed.status, removed.json()]).toEqual([200, { namespace, ...shown }]);
    expect(empty.json()).toEqual({ namespace, keys: [] });
  });

  it.each([
    ['a private key', () => ({ body: key.privateKey }), 400, 'invalid'],
    ['no key', () => ({ body: 'key' }), 400, 'invalid'],
    ['nothing', () => ({}), 400, 'invalid'],
    ['what is no text', () => ({ body: Buffer.from([0xff, 0xfe]) }), 400, 'invalid'],
    ['too much', () => ({ body: Buffer.alloc(257 * 1024, 'x') }), 413, 'too-large'],
    ['a coding', () => ({ body: key.publicKey, headers: { 'content-encoding': 'gzip' } }), 415, 'unsupported-media-type'],
    ['a page of another site', () => ({ body: key.publicKey, headers: { origin: 'https://evil.example.com' } }), 403, 'forbidden'],
    ['a page of no site', () => ({ body: key.publicKey, headers: { origin: 'null' } }), 403, 'forbidden'],
  ])('are not added from %s', async (_what, how, status, code) => {
    const answer = await ask('POST', `keys/${namespace}`, how());

    expect([answer.status, answer.json()]).toEqual([status, { code, error: expect.any(String) as string }]);
    expect((await ask('GET', `keys/${namespace}`)).json()).toEqual({ namespace, keys: [] });
    expect(sample.writes.slice(written)).toEqual(['refused']);
  });

  it('are added by a page of this server', async () => {
    expect((await ask('POST', `keys/${namespace}`, { body: key.publicKey, headers: { origin: `http://127.0.0.1:${sample.port}`, host: `127.0.0.1:${sample.port}` } })).status).toBe(201);
  });

  it('are those of what is published here', async () => {
    expect(await ask('GET', `keys/acme?host=${UPSTREAM}`)).toMatchObject({ status: 400 });
    expect(await ask('DELETE', `keys/${namespace}/${key.keyId}`)).toMatchObject({ status: 404 });
    expect(await ask('GET', 'keys/a--b')).toMatchObject({ status: 400 });
  });

  it('are not for whoever may publish', async () => {
    const { token } = await sample.tokens.issue({ kind: 'admin', name: 'admin', tokenId: null }, { description: 'ci', scope: { actions: ['read', 'publish', 'delete'], ecosystem: 'terraform', packages: ['**'] }, expires: null });
    const headers = { authorization: `Bearer ${token}` };

    const [added, removed, listed, yanked] = [
      await ask('POST', `keys/${namespace}`, { body: key.publicKey, headers }),
      await ask('DELETE', `keys/${namespace}/${key.keyId}`, { headers }),
      await ask('GET', `keys/${namespace}`, { headers }),
      await ask('PUT', `providers/${namespace}/demo/1.0.0/yank`, { headers }),
    ];

    expect([added, removed, listed, yanked].map(({ status }) => status)).toEqual([403, 403, 200, 200]);
    expect(listed.json()).toEqual({ namespace, keys: [] });
  });
});

describe('rights', () => {
  it.each([
    ['POST', 'keys/:namespace', 'admin'],
    ['DELETE', 'keys/:namespace/0123456789ABCDEF', 'admin'],
    ['PUT', 'providers/:namespace/demo/1.0.0/yank', 'publish'],
    ['DELETE', 'providers/:namespace/demo/1.0.0/yank', 'publish'],
    ['DELETE', 'providers/:namespace/demo/1.0.0', 'delete'],
    ['DELETE', 'providers/:namespace/demo', 'delete'],
    ['DELETE', 'providers/:namespace/demo/block', 'delete'],
    ['DELETE', 'providers/:namespace/demo/1.0.0/block', 'delete'],
    ['PUT', 'modules/:namespace/net/aws/1.0.0/yank', 'publish'],
    ['DELETE', 'modules/:namespace/net/aws/1.0.0', 'delete'],
    ['DELETE', 'modules/:namespace/net/aws', 'delete'],
    ['DELETE', 'providers/:namespace/a--b', 'delete'],
  ])('%s %s takes the right to %s', async (method, pattern, action) => {
    const path = pattern.replace(':namespace', namespace);
    // The right to administer is that to everything.
    const others = (['read', 'publish', 'delete'] as const).filter((other) => other !== action);
    const { token } = await sample.tokens.issue({ kind: 'admin', name: 'admin', tokenId: null }, { description: 'ci', scope: { actions: others, ecosystem: 'terraform', packages: ['**'] }, expires: null });

    const anonymous = await sample.ask(`${API}/${path}`, { method });
    const lacking = await ask(method, path, { headers: { authorization: `Bearer ${token}` } });

    expect([anonymous.status, lacking.status]).toEqual([401, 403]);
    expect((await sample.ledger.fold(providerRef({ host: OWN, namespace, type: 'demo' }), { fresh: true })).facts.size).toBe(1);
  });
});

it.each([
  ['PUT', 'demo/1.0.0/yank', '{"reason":1}', 'application/json', 400, 'invalid'],
  ['PUT', 'demo/1.0.0/yank', '{"because":"x"}', 'application/json', 400, 'invalid'],
  ['PUT', 'demo/1.0.0/yank', '[]', 'application/json', 400, 'invalid'],
  ['PUT', 'demo/1.0.0/yank', '{', 'application/json', 400, 'invalid'],
  ['PUT', 'demo/1.0.0/yank', '{"reason":"a\\nb"}', 'application/json', 400, 'invalid'],
  ['PUT', 'demo/1.0.0/yank', '{}', null, 415, 'unsupported-media-type'],
  ['PUT', 'demo/1.0.0/yank', '{}', 'text/plain', 415, 'unsupported-media-type'],
  ['PUT', 'demo/1.0.0/yank', `{"reason":"${'x'.repeat(70_000)}"}`, 'application/json', 413, 'too-large'],
  ['PUT', 'demo/2.0.0/yank', '', null, 404, 'not-found'],
  ['PUT', 'demo/v1/yank', '', null, 400, 'invalid'],
  ['DELETE', 'demo/2.0.0', '', null, 404, 'not-found'],
  ['DELETE', 'demo/latest', '', null, 400, 'invalid'],
  ['DELETE', 'other', '', null, 404, 'not-found'],
  ['DELETE', 'a--b', '', null, 400, 'invalid'],
  ['GET', 'other', '', null, 404, 'not-found'],
  ['GET', 'demo?host=a/b', '', null, 400, 'invalid'],
])('%s …/%s with %s of type %j is refused', async (method, path, body, type, status, code) => {
  const answer = await ask(method, `providers/${namespace}/${path}`, { ...(body === '' ? {} : { body }), headers: type === null ? {} : { 'content-type': type } });

  expect([answer.status, answer.json()]).toEqual([status, { code, error: expect.any(String) as string }]);
  expect((await sample.ledger.fold(providerRef({ host: OWN, namespace, type: 'demo' }), { fresh: true })).values.size).toBe(0);
});

it('changes nothing where publishing is switched off, and still shows', async () => {
  const reading = await startSampleRegistry({ hostname: OWN, publish: false, registry: sample.registry });
  const asked = async (method: string, path: string): Promise<number> => (await reading.ask(`${API}/${path}`, { method, headers: { authorization: ADMIN } })).status;

  const statuses = [
    await asked('DELETE', `providers/${namespace}/demo`),
    await asked('POST', `keys/${namespace}`),
    await asked('DELETE', `keys/${namespace}/${key.keyId}`),
    await asked('GET', `providers/${namespace}/demo`),
    await asked('GET', `keys/${namespace}`),
  ];
  await reading.stop();

  expect(statuses).toEqual([403, 403, 403, 200, 200]);
});

it('tells how changes ended', async () => {
  await ask('PUT', `providers/${namespace}/demo/1.0.0/yank`);
  await ask('DELETE', `providers/${namespace}/demo/2.0.0`);

  expect(sample.writes.slice(written)).toEqual(['done', 'refused']);
});
