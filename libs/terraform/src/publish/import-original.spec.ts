import { randomBytes } from 'node:crypto';

import { ProxyError } from '@oci-package-proxy/errors';
import { bufferBlob, EMPTY_BYTES, EMPTY_DESCRIPTOR, MANIFEST_MEDIA_TYPE, manifestBytes, type Repository } from '@oci-package-proxy/oci';
import { Ledger } from '@oci-package-proxy/storage';
import { type ProviderRelease, providerRelease } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { providerRef } from '../model/address.ts';
import { providerDocumentOf } from '../model/terraform-fact.ts';
import { importCommand } from './import-command.ts';
import { type ImportedVersion, OriginalImport, type OriginalImportOptions } from './import-original.ts';
import { annotationsOf, pushOriginal } from './sample-original.contract.ts';
import { CALL, DEMO, failure, formBody, LIMIT, OWN, type SamplePublishing, samplePublishing, SIGNED, strangersKey } from './sample-publishing.contract.ts';

const REPOSITORY = 'old/acme/demo';

let sample: SamplePublishing;
let repository: Repository;

beforeEach(async () => {
  sample = await samplePublishing();
  repository = sample.registry.repository(REPOSITORY);
});
afterEach(async () => {
  expect(await sample.left()).toEqual([]);
  await sample.close();
});

function imports(more: Partial<OriginalImportOptions> = {}): OriginalImport {
  const signerOf = (namespace: string): typeof sample.signer | null => (namespace === SIGNED.namespace ? sample.signer : null);
  return new OriginalImport({ ledger: new Ledger({ registry: sample.registry }), registry: sample.registry, keys: sample.keys, signerOf, directory: sample.directory, limits: { publishBytes: LIMIT }, originalAnnotations: false, ...more });
}

async function run(more: Partial<Parameters<OriginalImport['run']>[0]> = {}): Promise<readonly ImportedVersion[]> {
  return imports().run({ repository: REPOSITORY, address: DEMO, version: null, ...CALL, ...more });
}

function releaseOf(version: string, more: Partial<Parameters<typeof providerRelease>[0]> = {}): Promise<ProviderRelease> {
  return providerRelease({ type: 'demo', version, platforms: ['linux_amd64', 'darwin_arm64'], key: sample.key, withoutManifest: true, ...more });
}

describe('an artifact of the original project', () => {
  it.each(['upload', 'copied', 'generated'] as const)('is taken over as it was stored by: %s', async (way) => {
    const release = await releaseOf('1.2.3');
    await pushOriginal(repository, 'v1.2.3', release, { way });

    expect(await run()).toEqual([{ tag: 'v1.2.3', outcome: 'created', reason: '', warnings: [expect.stringContaining('protocol 5.0')] }]);
    expect(await run()).toEqual([{ tag: 'v1.2.3', outcome: 'same', reason: '', warnings: [] }]);

    const fact = await sample.ledger.fact(providerRef(DEMO), '1.2.3');
    const archives = fact === null ? [] : providerDocumentOf(fact).archives;
    expect(archives.map(({ filename, sha256, h1 }) => ({ filename, sha256, h1 }))).toEqual(release.archives.map(({ filename, sha256, h1 }) => ({ filename, sha256, h1 })).toReversed());
    expect((await sample.uploads.publish(DEMO, '1.2.3', formBody(release.files), CALL)).outcome).toBe('same');
  });

  it('is read again from what we write behind the switch', async () => {
    const release = await releaseOf('1.2.3+b.1');
    await sample.replica({ originalAnnotations: true }).publish(DEMO, '1.2.3+b.1', formBody(release.files), CALL);
    const other = { ...DEMO, type: 'demo', namespace: SIGNED.namespace };
    await sample.keys.add(SIGNED.namespace, sample.key.publicKey, CALL);

    const imported = await imports().run({ repository: providerRef(DEMO).repository, address: other, version: null, ...CALL });

    expect(imported.filter(({ outcome }) => outcome === 'created')).toEqual([{ tag: 'v1.2.3_b.1', outcome: 'created', reason: '', warnings: [expect.anything()] }]);
    expect([...(await sample.fold(other)).facts.values()].map(({ version }) => version)).toEqual(['1.2.3+b.1']);
  });

  it('is taken over with names that leave out terraform-provider-', async () => {
    const strip = (text: string): string => text.replaceAll('terraform-provider-demo_', 'demo_');
    const release = await releaseOf('1.2.3', { sums: strip });
    await pushOriginal(repository, 'v1.2.3', { ...release, archives: release.archives.map((archive) => ({ ...archive, filename: strip(archive.filename) })) }, { way: 'upload' });

    expect(await run()).toMatchObject([{ outcome: 'created' }]);
  });

  it('is signed here where the namespace has a key for that', async () => {
    await pushOriginal(repository, 'v1.0.0', await releaseOf('1.0.0', { key: null }), { way: 'upload' });
    await pushOriginal(repository, 'v1.0.1', await releaseOf('1.0.1', { key: null }), { way: 'copied', annotations: {} });

    expect(await run({ address: SIGNED })).toMatchObject([{ tag: 'v1.0.0', outcome: 'created' }, { tag: 'v1.0.1', outcome: 'created' }]);
    expect(await run({ address: SIGNED })).toMatchObject([{ outcome: 'same' }, { outcome: 'same' }]);
  });

  it('is one of many: each is told by itself, the oldest first, and what is wrong with one is said of it', async () => {
    for (const version of ['1.10.0', '1.9.0']) {
      await pushOriginal(repository, `v${version}`, await releaseOf(version), { way: 'upload' });
    }
    await pushOriginal(repository, 'v1.0.0', await releaseOf('1.0.0', { key: await strangersKey() }), { way: 'upload' });
    await pushOriginal(repository, 'v1.0.1', await releaseOf('1.0.1', { key: null }), { way: 'upload' });
    await pushOriginal(repository, 'v1.0.2', await releaseOf('1.0.2'), { way: 'upload', annotations: { ...annotationsOf(await releaseOf('1.0.2')), shasum: '!' } });
    await pushOriginal(repository, 'v1.0.3', await releaseOf('1.0.3'), { way: 'upload', named: false });
    await pushOriginal(repository, 'v1.0.4', await releaseOf('1.0.5'), { way: 'upload' });
    await pushOriginal(repository, 'v1.0.6', await releaseOf('1.0.6', { platforms: [] }), { way: 'upload' });
    await pushOriginal(repository, 'latest', await releaseOf('1.0.0'), { way: 'upload' });
    await repository.writeBlob(bufferBlob(EMPTY_BYTES));
    const image = manifestBytes({ schemaVersion: 2, mediaType: MANIFEST_MEDIA_TYPE, config: EMPTY_DESCRIPTOR, layers: [] });
    await repository.writeManifest(image, { tag: 'v1.0.7' });
    await repository.writeManifest(image, { tag: 'sha256-0123.sig' });
    const told: string[] = [];

    const imported = await run({ onVersion: ({ tag }) => told.push(tag) });

    expect(imported.map(({ tag, outcome }) => `${tag} ${outcome}`)).toEqual(['latest skipped', 'v1.0.0 skipped', 'v1.0.1 skipped', 'v1.0.2 skipped', 'v1.0.3 skipped', 'v1.0.4 skipped', 'v1.0.6 skipped', 'v1.0.7 skipped', 'v1.9.0 created', 'v1.10.0 created']);
    expect(told).toEqual(imported.map(({ tag }) => tag));
    const reasons = imported.map(({ reason }) => reason);
    for (const [index, expected] of [/no version tag/, /signed by the key/, /SHA256SUMS\.sig is missing/, /shasum is not base64/, /does not say the name/, /demo 1\.0\.5/, /no provider of the original/, /no provider of the original/].entries()) {
      expect(reasons[index]).toMatch(expected);
    }
    expect([...(await sample.fold()).facts.keys()].toSorted()).toEqual(['1.10.0', '1.9.0']);
  });

  it('is not taken over where another one was published', async () => {
    await sample.uploads.publish(DEMO, '1.2.3', formBody((await releaseOf('1.2.3')).files), CALL);
    await pushOriginal(repository, 'v1.2.3', await releaseOf('1.2.3', { program: () => Buffer.from('other') }), { way: 'upload' });

    expect(await run()).toMatchObject([{ outcome: 'skipped', reason: expect.stringContaining('exists already with other archives') as string }]);
  });

  it('is skipped when storage has changed or lost its archive, or it is too large', async () => {
    const [changed, large] = [await releaseOf('1.0.0'), await releaseOf('1.0.1', { program: () => randomBytes(LIMIT) })];
    await pushOriginal(repository, 'v1.0.0', changed, { way: 'upload' });
    await pushOriginal(repository, 'v1.0.1', large, { way: 'upload' });
    sample.registry.corruptBlob(REPOSITORY, `sha256:${changed.archives[0]?.sha256 ?? ''}`, Buffer.from('x'));

    expect(await run()).toMatchObject([{ outcome: 'skipped' }, { outcome: 'skipped', reason: expect.stringContaining('is larger than') as string }]);
  });

  it('is one version alone, where it is asked for', async () => {
    await pushOriginal(repository, 'v1.0.0', await releaseOf('1.0.0'), { way: 'upload' });
    await pushOriginal(repository, 'v1.0.1', await releaseOf('1.0.1'), { way: 'upload' });

    expect(await run({ version: '1.0.1' })).toMatchObject([{ tag: 'v1.0.1', outcome: 'created' }]);
    expect(await failure(run({ version: '2.0.0' }))).toMatch(/^not-found The repository old\/acme\/demo has no version 2\.0\.0/);
  });

  it('is not looked for where no key could have signed it, or no repository is', async () => {
    expect(await failure(run({ address: { ...DEMO, namespace: 'nobody' } }))).toMatch(/^forbidden No key is registered for the namespace nobody/);
    expect(await failure(run({ repository: 'none/at/all' }))).toMatch(/^not-found .*has no tags/);
    expect(await failure(run({ repository: 'NO Repository' }))).toMatch(/^invalid /);
  });

  it('ends with what storage fails with', async () => {
    await pushOriginal(repository, 'v1.0.0', await releaseOf('1.0.0'), { way: 'upload' });
    const registry = sample.registry.view({
      gate: {
        before: ({ kind }) => {
          if (kind === 'read-blob') {
            throw new ProxyError('storage-unavailable', 'gone');
          }
        },
      },
    });

    expect(await failure(imports({ registry }).run({ repository: REPOSITORY, address: DEMO, version: null, ...CALL }))).toBe('storage-unavailable gone');
  });
});

describe('the command', () => {
  const context = { by: 'operator', signal: new AbortController().signal, progress: () => undefined };

  it('says what was taken over, and what was not', async () => {
    await pushOriginal(repository, 'v1.0.0', await releaseOf('1.0.0'), { way: 'upload' });
    await pushOriginal(repository, 'latest', await releaseOf('1.0.0'), { way: 'upload' });
    const lines: string[] = [];

    const { text, data } = await importCommand({ imports: imports(), own: OWN }).run([REPOSITORY], { ...context, progress: (line) => lines.push(line) });
    const again = await importCommand({ imports: imports(), own: OWN }).run([REPOSITORY, 'Acme/Demo', '--version', '1.0.0'], context);

    expect(text).toEqual(['latest: skipped: it is no version tag, as v1.2.3', 'v1.0.0: taken over', expect.stringMatching(/^ {2}There is no /), `${OWN}/acme/demo: 1 taken over, 0 there before, 1 skipped`]);
    expect(lines).toEqual(['latest: skipped', 'v1.0.0: created']);
    expect(data).toMatchObject({ provider: `${OWN}/acme/demo`, repository: REPOSITORY, versions: [{ tag: 'latest', outcome: 'skipped' }, { tag: 'v1.0.0', outcome: 'created' }] });
    expect(again.text).toEqual(['v1.0.0: there before', `${OWN}/acme/demo: 0 taken over, 1 there before, 0 skipped`]);
  });

  it.each([
    [[], /The repository is missing/],
    [['demo'], /"demo" is no provider/],
    [['a/b', 'acme'], /"acme" is no provider/],
    [['a/b', 'acme/demo', 'x'], /"x" is too much/],
    [['a/b', '--version', 'v1'], /"v1" is no version/],
    [['a/b', '--all'], /--all/],
  ])('is told how it is used: %j', async (args, expected) => {
    const text = await failure(importCommand({ imports: imports(), own: OWN }).run(args, context));

    expect(text).toMatch(/^invalid .*Usage: import <repository>/);
    expect(text).toMatch(expected);
  });
});
