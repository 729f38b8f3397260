import { checkModuleLayout, moduleArchive, portOciSource, startTerraformUpstream, type TerraformUpstream } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { moduleRef } from '../model/address.ts';
import { moduleDocumentOf } from '../model/terraform-fact.ts';
import { FILES, NET, OWN, putNet, type SampleModules, type SampleOptions, startSampleModules } from './sample-modules.contract.ts';

let upstream: TerraformUpstream;
let sample: SampleModules;
const samples: SampleModules[] = [];

beforeEach(async () => {
  upstream = await startTerraformUpstream();
  putNet(upstream);
  sample = await start();
});
afterEach(async () => {
  await Promise.all(samples.splice(0).map((one) => one.close()));
  await upstream.close();
});

async function start(options: Partial<SampleOptions> = {}): Promise<SampleModules> {
  const started = await startSampleModules({ upstream, ...options });
  samples.push(started);
  return started;
}

function archivesAsked(): readonly string[] {
  return upstream.requests.filter((path) => path.includes('/archive/') || path.includes('/module-archives/'));
}

it('fetches what no spool has any more, and stores it as OpenTofu reads it', async () => {
  const outcome = await sample.run({});

  expect(outcome).toBe('stored');
  expect(archivesAsked()).toEqual(['/acme/net/archive/v1.0.0.tar.gz']);
  expect(await checkModuleLayout(portOciSource(sample.registry.repository(moduleRef(NET).repository)))).toEqual({ versions: { '1.0.0': [] }, violations: [] });
  expect(await sample.ledger.upstreamState(moduleRef(NET))).toEqual({ withdrawn: [] });
  expect(await sample.temporary()).toEqual([]);
});

it('takes what a front end fetched, and makes the same of it as everybody else', async () => {
  await sample.bytes(NET);
  const outcome = await sample.ingest();
  const other = await start();
  await other.run({});

  const [mine, theirs] = await Promise.all([sample, other].map(async ({ ledger }) => ledger.fact(moduleRef(NET), '1.0.0')));

  expect(outcome).toEqual(['stored']);
  expect(archivesAsked()).toHaveLength(2);
  expect(theirs?.digest).toBe(mine?.digest);
});

it('makes the same of other packings of the same files, and keeps what was first', async () => {
  await sample.run({});
  const other = await start();
  upstream.putModule({ ...NET, versions: [{ version: '1.0.0', at: { archive: moduleArchive({ files: Object.fromEntries(Object.entries(FILES).toReversed()), format: 'zip' }) } }] });
  await other.run({});

  const [mine, theirs] = await Promise.all([sample, other].map(async ({ ledger }) => ledger.fact(moduleRef(NET), '1.0.0')));

  expect(theirs?.layers).toEqual(mine?.layers);
  expect(theirs?.payload).toBe(mine?.payload);
});

it.each([
  ['as the forge packs it', false],
  ['with a checksum of its registry', true],
])('knows what is stored already, %s, and does not fetch it', async (_how, withChecksum) => {
  const archive = moduleArchive({ files: FILES });
  if (withChecksum) {
    upstream.putModule({ ...NET, versions: [{ version: '1.0.0', at: { location: `${upstream.filesUrl}/module-archives/acme/net/aws/2.0.0/net.zip?checksum=sha256:${archive.sha256}` } }, { version: '2.0.0', at: { archive } }] });
  }
  await sample.run({});
  const restarted = await start({ stored: sample.stored });

  expect(await restarted.run({})).toBe('present');
  expect(archivesAsked()).toHaveLength(1);
});

it('stores again what storage has lost, checked', async () => {
  const archive = moduleArchive({ files: FILES });
  const at = (sha256: string): { readonly location: string } => ({ location: `${upstream.filesUrl}/module-archives/acme/net/aws/2.0.0/net.zip?checksum=sha256:${sha256}` });
  upstream.putModule({ ...NET, versions: [{ version: '1.0.0', at: at(archive.sha256) }, { version: '2.0.0', at: { archive } }] });
  await sample.run({});
  const layer = (await sample.ledger.fact(moduleRef(NET), '1.0.0'))?.layers[0];
  const repository = sample.stored.get(moduleRef(NET).repository);
  repository?.blobs.delete(layer?.digest ?? '');

  upstream.putModule({ ...NET, versions: [{ version: '1.0.0', at: at('0'.repeat(64)) }, { version: '2.0.0', at: { archive } }] });
  await expect((await start({ stored: sample.stored })).run({})).rejects.toMatchObject({ code: 'integrity' });
  upstream.putModule({ ...NET, versions: [{ version: '1.0.0', at: at(archive.sha256) }, { version: '2.0.0', at: { archive } }] });
  await (await start({ stored: sample.stored })).run({});

  expect(repository?.blobs.has(layer?.digest ?? '')).toBe(true);
});

it('stays what it was when upstream has other files for a version, and when it has it no more', async () => {
  await sample.run({});
  upstream.putCommit('acme/net', 'v1.0.0', { 'main.tf': '# changed' });
  const changed = await (await start({ stored: sample.stored })).run({});
  upstream.putModule({ ...NET, versions: [] });
  const takenBack = await (await start({ stored: sample.stored })).run({});

  const fact = await sample.ledger.fact(moduleRef(NET), '1.0.0');
  expect([changed, takenBack]).toEqual(['present', 'present']);
  expect(fact === null ? null : moduleDocumentOf(fact).root.readme).toBe('# Network\n');
  expect(await sample.ledger.upstreamState(moduleRef(NET))).toEqual({ withdrawn: ['1.0.0'] });
});

it('leaves deleted what is deleted', async () => {
  await sample.run({});
  await sample.ledger.delete(moduleRef(NET), ['1.0.0'], { by: 'carol' });

  expect(await (await start({ stored: sample.stored })).run({})).toBe('deleted');
  expect(archivesAsked()).toHaveLength(1);
});

it('knows what is stored while upstream cannot be asked, and keeps its last state', async () => {
  await sample.run({});
  const state = await sample.ledger.upstreamState(moduleRef(NET));
  upstream.mode = 'error';

  expect(await (await start({ stored: sample.stored })).run({})).toBe('present');
  expect(await sample.ledger.upstreamState(moduleRef(NET))).toEqual(state);
});

it.each([
  ['no module', { package: `modules/${NET.host}/acme/net` }, 'invalid'],
  ['a provider', { package: `providers/${NET.host}/acme/net` }, 'invalid'],
  ['no version', { file: 'latest' }, 'invalid'],
  ['a version as nobody lists it', { file: 'v1.0.0' }, 'invalid'],
  ['a version that upstream does not have', { file: '9.9.9' }, 'not-found'],
  ['a module that upstream does not have', { package: `modules/${NET.host}/acme/none/aws` }, 'not-found'],
  ['a host that is not pulled through', { package: 'modules/other.example.com/acme/net/aws' }, 'not-found'],
  ['what is published here', { package: `modules/${OWN}/acme/net/aws` }, 'policy'],
  ['what is private', { package: `modules/${NET.host}/secret/net/aws` }, 'policy'],
])('fails for good: %s', async (_what, job, code) => {
  const worker = await start({ privateNames: [`modules/${NET.host}/secret/**`] });

  await expect(worker.run(job)).rejects.toMatchObject({ code });
  expect(archivesAsked()).toEqual([]);
});

it.each([
  ['its list', /versions$/, 'stored'],
  ['where it is', /download$/, 'upstream-unavailable'],
  ['the archive', /archive/, 'upstream-unavailable'],
])('stores or tries again when upstream does not say %s', async (_what, path, expected) => {
  upstream.fail(path, { status: 503 });

  await expect(sample.run({}).catch((error: { readonly code: string }) => error.code)).resolves.toBe(expected);
  expect(await sample.temporary()).toEqual([]);
});
