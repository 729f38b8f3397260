import { chmod, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { bufferBlob, type Capabilities, LayoutRegistry, type Product, type RegistryProfile, registryProfile, RemoteRegistry, staticCredentials } from '@oci-package-proxy/oci';
import { type Interceptor, type RunningRegistry, type ScriptedRegistry, startDockerRegistry, startScriptedRegistry, temporaryDirectory } from '@oci-package-proxy/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { fillStore, LOCATOR } from '../sample-store.contract.ts';
import { type DoctorReport, examine } from './doctor.ts';
import { doctorText } from './doctor-text.ts';

const RETRY = { attempts: 2, baseMs: 5 };

async function report(url: string, given: { readonly profile?: RegistryProfile; readonly readOnly?: boolean; readonly password?: string } = {}): Promise<DoctorReport> {
  const { profile = registryProfile(), readOnly = false, password } = given;
  const registry = url.startsWith('layout:') ? new LayoutRegistry({ directory: url.slice('layout:'.length) }) : new RemoteRegistry({ url, profile, retry: RETRY, ...(password !== undefined && { credentials: staticCredentials('user', password) }) });
  try {
    return await examine({ registry, url, locator: LOCATOR, readOnly });
  } finally {
    await registry.close();
  }
}

/** The ids of what is not met. */
function complaints({ verdicts }: DoctorReport): readonly string[] {
  return verdicts.filter(({ met }) => met === false).map(({ id, weight }) => `${id} ${weight}`);
}

function textOf(given: DoctorReport): string {
  return doctorText(given).join('\n');
}

describe('the doctor at docker-registry', () => {
  let server: RunningRegistry;

  beforeAll(async () => {
    server = await startDockerRegistry({ deletes: true });
  });
  afterAll(() => server.stop());

  it('finds it fit, and says which it is', async () => {
    const found = await report(`${server.url}/team`);

    expect(found).toMatchObject({ kind: 'registry', fit: true, product: { said: null, seen: 'distribution-2' }, leftovers: [] });
    expect(complaints(found)).toEqual(['strangers-push nice', 'strangers-pull nice', 'says-product nice']);
    expect(textOf(found)).toMatch(/looks like distribution 2\.8\n {2}tag lists come all at once, in no order; deletes by digest; blobs are mounted[\s\S]*do: {4}Set storage\.product: distribution-2 in CONFIG_FILE\.[\s\S]*Works:[\s\S]*--delete-untagged[\s\S]*\nFit to hold packages: 0 requirements not met, 3 recommendations\.$/);
  });

  it.each<[string, Partial<Capabilities> & { product?: Product }, string, RegExp]>([
    ['tags that are said to be immutable', { immutableTags: true }, 'says-immutable-tags must', /two publishers can overwrite each other[\s\S]*Or take storage\.capabilities\.immutableTags out of CONFIG_FILE/],
    ['deletions that are said to go by tag', { deletes: 'tag' }, 'says-deletes nice', /Set storage\.capabilities\.deletes: digest in CONFIG_FILE/],
    ['deletions that are said not to be', { deletes: 'none' }, 'says-deletes nice', /though the registry would remove them[\s\S]*Set storage\.capabilities\.deletes: digest/],
    ['larger manifests than it takes', { maxManifestBytes: 8 * 2 ** 20 }, 'says-manifest-size should', /Set storage\.capabilities\.maxManifestBytes: 4194303 in CONFIG_FILE/],
    ['another product', { product: 'zot' }, 'says-product nice', /storage\.product is zot; it looks like distribution 2\.8, by how it answers[\s\S]*Set storage\.product: distribution-2 in CONFIG_FILE, if it is that\./],
  ])('sees that CONFIG_FILE says wrongly of %s', async (_name, { product = null, ...overrides }, wanted, advice) => {
    const found = await report(`${server.url}/team`, { profile: registryProfile({ product, overrides }) });

    expect(complaints(found)).toContain(wanted);
    expect(found.fit).toBe(!wanted.endsWith('must'));
    expect(textOf(found)).toMatch(advice);
  });

  it('counts what is stored, and reads a package where it may not write', async () => {
    const registry = new RemoteRegistry({ url: `${server.url}/filled` });
    await fillStore(registry);
    await registry.close();

    const found = await report(`${server.url}/filled`, { readOnly: true });

    expect(found).toMatchObject({ fit: true, readOnly: true, packages: { test: 3, system: 1 } });
    expect(found.verdicts.find(({ id }) => id === 'whole-lists')).toMatchObject({ met: true });
    expect(textOf(found)).toMatch(/it cannot be found out by reading alone:\n[\s\S]*- Our credential may write[\s\S]*Fit, as far as is known, to hold packages/);
    expect(await (await fetch(`${server.url}/v2/filled/system/probe/tags/list`)).text()).toContain('NAME_UNKNOWN');
  });

  it('says what to do where nothing is deleted, where nothing is taken, and where nothing is', async () => {
    const [keeping, closed] = await Promise.all([startDockerRegistry(), startDockerRegistry({ readOnly: true })]);
    const stays = await report(`${keeping.url}/team`, { profile: registryProfile({ product: 'distribution-2' }) });
    const takesNothing = await report(closed.url);
    await Promise.all([keeping.stop(), closed.stop()]);
    const gone = await report(keeping.url);

    expect(complaints(stays)).toEqual(['strangers-push nice', 'strangers-pull nice', 'deletes nice', 'says-deletes nice']);
    expect(textOf(stays)).toMatch(/REGISTRY_STORAGE_DELETE_ENABLED=true[\s\S]*storage\.capabilities\.deletes: none[\s\S]*Left behind by this examination[\s\S]*team\/system\/probe: \d+ tags, \d+ manifests without a tag/);
    expect(complaints(takesNothing)).toEqual(['push must', 'says-product nice']);
    expect(textOf(takesNothing)).toMatch(/end its read-only or maintenance mode[\s\S]*everything else: nothing could be written/);
    expect(complaints(gone)).toEqual(['reachable must']);
    expect(textOf(gone)).toMatch(/ECONNREFUSED[\s\S]*everything else: the registry cannot be reached[\s\S]*NOT FIT to hold packages: 1 requirement not met/);
  });

  it('says that a credential is wrong, and not which', async () => {
    const guarded = await startDockerRegistry({ htpasswd: 'user:$2b$04$vt//tjhF3OQb9/vFv6oVTef5p6E2UrpAuHfdWfNGrOLcHxUQPhGeC\n' });
    const found = await report(guarded.url, { password: 'hunter2' });
    await guarded.stop();

    expect(complaints(found)).toEqual(['credential must']);
    expect(textOf(found)).toMatch(/STORAGE_USERNAME/);
    expect(JSON.stringify(found)).not.toContain('hunter2');
  });
});

describe('the doctor at a registry', () => {
  let server: ScriptedRegistry;

  beforeEach(async () => {
    server = await startScriptedRegistry();
  });
  afterEach(() => server.stop());

  const isPut: (request: Parameters<Interceptor>[0]) => boolean = ({ method, url }) => method === 'PUT' && url.includes('/manifests/');
  const refuse = (response: Parameters<Interceptor>[1], status: number, code: string): true => {
    response.writeHead(status).end(JSON.stringify({ errors: [{ code }] }));
    return true;
  };
  const held = (url: string): boolean => server.tags.has(url.replace('/v2/', '').replace('/manifests/', ':'));

  it.each<[string, Interceptor, Product | null, string, RegExp]>([
    ['with two-level names', ({ url }, response) => url.split('/').length > 6 && url.startsWith('/v2/team/') && /\/system\/|depth/.test(url) && refuse(response, 401, 'UNAUTHORIZED'), null, 'names must', /Set storage\.product: docker-hub in CONFIG_FILE, or storage\.capabilities\.names: flat, before anything is stored\.[\s\S]*admin -- copy/],
    ['that makes no repositories', ({ method }, response) => method === 'POST' && refuse(response, 404, 'NAME_UNKNOWN'), 'ecr', 'creates-repositories should', /Create there: Every repository; or once a repository creation template/],
    ['where a credential only reads', ({ method }, response) => method === 'POST' && refuse(response, 403, 'DENIED'), 'harbor', 'push must', /Give the robot account of the project pull and push of repositories/],
    ['that makes all tags immutable', (request, response) => isPut(request) && held(request.url) && refuse(response, 409, 'TAG_EXISTS'), 'ecr', 'derived-tags should', /IMMUTABLE_WITH_EXCLUSION, with the filters _snapshot\* and _upstream\*/],
    ['that makes other tags immutable', (request, response) => isPut(request) && !request.url.includes('/_') && held(request.url) && refuse(response, 409, 'TAG_EXISTS'), null, 'says-immutable-tags nice', /storage\.capabilities\.immutableTags: true may be set/],
    ['that loses tags', (request, response) => isPut(request) && /six\/manifests\/probe-\w+-[13]$/.test(request.url) && response.writeHead(201).end() !== undefined, 'zot', 'keeps-tags must', /Run one replica, or give each its own storage/],
    ['that cuts lists', ({ url }, response) => url.includes('n=2') && response.writeHead(200).end('{"tags":["a","b"]}') !== undefined, null, 'whole-lists must', /lose the rest of them, without a word/],
    ['that takes small manifests only', (request, response) => isPut(request) && request.body.length > 600_000 && refuse(response, 413, 'SIZE_INVALID'), null, 'manifest-size must', /more than 524288 bytes of metadata[\s\S]*Raise the limit for bodies/],
    ['behind something that compresses', ({ url }, response) => url.endsWith('/tags/list') && response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('{"tags":["a"]}')) !== undefined, null, 'compression should', /Switch compression off/],
    ['that hides what is not there', ({ url }, response) => /probe\/[0-9a-f]{8}\/tags/.test(url) && refuse(response, 403, 'DENIED'), null, 'missing-repository must', /also to repositories that are not there yet/],
    ['with another time', (_request, response) => response.setHeader('date', new Date(Date.now() - 600_000).toUTCString()) === null, null, 'clock should', /The clocks are (59\d|60\d) s apart/],
  ])('%s', async (_name, interceptor, product, wanted, advice) => {
    server.intercept(interceptor);

    const found = await report(`${server.url}/team`, { profile: registryProfile({ product }) });

    expect(complaints(found)).toContain(wanted);
    expect(found.fit).toBe(!complaints(found).some((complaint) => complaint.endsWith('must')));
    expect(textOf(found)).toMatch(advice);
  });
});

describe('the doctor at a directory', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await temporaryDirectory('doctor');
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('finds it fit, with what is stored', async () => {
    const registry = new LayoutRegistry({ directory });
    await fillStore(registry);
    await registry.repository('test/pulled').writeBlob(bufferBlob(Buffer.from('more')));
    await registry.close();

    const found = await report(`layout:${directory}`);

    expect(complaints(found).filter((complaint) => complaint.endsWith('must'))).toEqual([]);
    expect(found).toMatchObject({ kind: 'layout', fit: true, packages: { test: 3, system: 1 }, retention: null });
    expect(await readdir(join(directory, 'ingest'))).toEqual([]);
  });

  it('makes nothing where there is nothing, nor when it may only read', async () => {
    const missing = await report(`layout:${join(directory, 'missing')}`);
    const careful = await report(`layout:${directory}`, { readOnly: true });

    expect(missing.fit).toBe(true);
    expect(textOf(missing)).toMatch(/missing is not there yet: the first start makes it/);
    expect(careful.fit).toBe(true);
    expect(await readdir(directory)).toEqual([]);
  });

  it('minds who may write there', async () => {
    await mkdir(join(directory, 'open'));
    await chmod(join(directory, 'open'), 0o777);

    const found = await report(`layout:${join(directory, 'open')}`);

    expect(complaints(found)).toContain('permissions should');
    expect(textOf(found)).toMatch(/its mode is 777[\s\S]*chmod o-w/);
  });
});
