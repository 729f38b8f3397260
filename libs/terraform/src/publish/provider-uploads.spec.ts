import { createHash } from 'node:crypto';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

import { ProxyError } from '@oci-package-proxy/errors';
import { isManifest, type Manifest, parseManifest } from '@oci-package-proxy/oci';
import type { Fact } from '@oci-package-proxy/storage';
import { providerArchive, providerManifest, type ProviderRelease, providerRelease, type ReleaseFile, smallFile, uploadForm, zipFile } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { providerRef } from '../model/address.ts';
import { layerOf, OPENTOFU_TYPES, providerDocumentOf, TERRAFORM_TYPES } from '../model/terraform-fact.ts';
import { CALL, DEMO, failure, formBody, LIMIT, type SamplePublishing, samplePublishing, SIGNED, strangersKey } from './sample-publishing.contract.ts';

const VERSION = '1.2.3';
const PLATFORMS = ['linux_amd64', 'darwin_arm64'];

let sample: SamplePublishing;
let release: ProviderRelease;

beforeEach(async () => {
  sample = await samplePublishing();
  release = await providerRelease({ type: 'demo', version: VERSION, platforms: PLATFORMS, protocols: ['5.0', '6.0'], key: sample.key });
});
afterEach(async () => {
  expect(await sample.left()).toEqual([]);
  await sample.close();
});

async function factOf(version = VERSION, address = DEMO): Promise<Fact> {
  const fact = await sample.ledger.fact(providerRef(address), version);
  if (fact === null) {
    throw new Error(`${version} is not stored`);
  }
  return fact;
}

async function stored(fact: Fact, mediaType: string): Promise<Buffer | null> {
  const layer = layerOf(fact, mediaType);
  const body = layer === null ? null : await sample.ledger.open(providerRef(DEMO), layer);
  return body === null ? null : buffer(body.stream);
}

function without(...filenames: readonly (string | undefined)[]): readonly ReleaseFile[] {
  return release.files.filter(({ filename }) => !filenames.includes(filename));
}

function named(files: readonly ReleaseFile[], from: string, to: string): readonly ReleaseFile[] {
  return files.map((file) => ({ ...file, filename: file.filename.replace(from, to) }));
}

async function refusal(files: readonly ReleaseFile[], version = VERSION): Promise<string> {
  const text = await failure(sample.uploads.publish(DEMO, version, formBody(files), CALL));
  expect((await sample.fold()).facts.size).toBe(0);
  return text;
}

describe('publish', () => {
  it('stores a release with all that clients check', async () => {
    const answer = await sample.uploads.publish(DEMO, VERSION, formBody(release.files), CALL);

    expect(answer).toEqual({ outcome: 'created', version: VERSION, warnings: [], files: expect.arrayContaining(release.files.map(({ filename }) => filename)) as string[] });
    const fact = await factOf();
    expect(fact).toMatchObject({ version: VERSION, at: '2026-01-02T03:04:05.067Z', origin: 'published', artifactType: TERRAFORM_TYPES.provider });
    expect(await stored(fact, TERRAFORM_TYPES.sums)).toEqual(release.sums.bytes);
    expect(await stored(fact, TERRAFORM_TYPES.signature)).toEqual(release.signature?.bytes);
    expect(await stored(fact, TERRAFORM_TYPES.manifest)).toEqual(release.manifest?.bytes);
    const { protocols, archives, keys, version } = providerDocumentOf(fact);
    expect({ protocols, version }).toEqual({ protocols: ['5.0', '6.0'], version: VERSION });
    expect(keys.map(({ keyId }) => keyId)).toEqual([sample.key.keyId]);
    expect(keys[0]).toEqual({ keyId: sample.key.keyId, asciiArmor: expect.stringContaining('PUBLIC KEY') as string, trustSignature: '', source: '', sourceUrl: '' });
    expect(archives).toHaveLength(2);
    for (const { filename, size, sha256, h1, h1OfZip, platform: name } of release.archives) {
      const [os, arch] = name.split('_');
      expect(archives).toContainEqual({ platform: { os, arch }, filename, size, sha256, h1, h1OfZip });
      const body = await sample.ledger.open(providerRef(DEMO), { digest: `sha256:${sha256}`, size });
      expect(body && createHash('sha256').update(await buffer(body.stream)).digest('hex')).toBe(sha256);
    }
  });

  it('stores it as OpenTofu reads it', async () => {
    await sample.uploads.publish(DEMO, VERSION, formBody(release.files), CALL);

    const repository = sample.registry.repository(providerRef(DEMO).repository);
    const tagged = await repository.readManifest(VERSION);
    const index = tagged === null ? null : parseManifest(tagged);
    if (index === null || isManifest(index)) {
      throw new Error('no index');
    }
    expect(index).toMatchObject({ mediaType: 'application/vnd.oci.image.index.v1+json', artifactType: OPENTOFU_TYPES.provider });
    expect(index.manifests.map(({ artifactType }) => artifactType)).toEqual([OPENTOFU_TYPES.target, OPENTOFU_TYPES.target, TERRAFORM_TYPES.provider]);
    for (const { filename, platform: name, size, sha256 } of release.archives) {
      const [os, architecture] = name.split('_');
      const child = index.manifests.find(({ platform }) => platform?.os === os && platform?.architecture === architecture);
      const manifest = parseManifest((await repository.readManifest(child?.digest ?? '')) ?? { mediaType: '', digest: 'sha256:', bytes: Buffer.alloc(0) }) as Manifest;
      expect(manifest).toMatchObject({ mediaType: child?.mediaType, artifactType: OPENTOFU_TYPES.target });
      expect(manifest.layers).toEqual([{ mediaType: 'archive/zip', digest: `sha256:${sha256}`, size, annotations: { 'org.opencontainers.image.title': filename } }]);
    }
    expect(index.annotations).not.toHaveProperty('shasum');
    expect(await repository.statManifest(`v${VERSION}`)).toBeNull();
  });

  it('stores what the original project reads too, where that is asked for', async () => {
    await sample.replica({ originalAnnotations: true }).publish(DEMO, VERSION, formBody(release.files), CALL);

    const repository = sample.registry.repository(providerRef(DEMO).repository);
    const tagged = await repository.readManifest(`v${VERSION}`);
    expect(tagged?.digest).toBe(await repository.statManifest(VERSION));
    const index = tagged === null ? null : parseManifest(tagged);
    expect(index?.annotations).toMatchObject({ shasum: release.sums.bytes.toString('base64'), 'shasum-signature-encoded': release.signature?.bytes.toString('base64') });
    const entries = index === null || isManifest(index) ? [] : index.manifests;
    for (const { filename, sha256, platform: name } of release.archives) {
      const [os, architecture] = name.split('_');
      expect(entries.filter(({ platform }) => platform?.os === os && platform?.architecture === architecture).map(({ artifactType, annotations, digest }) => ({ artifactType, annotations, digest }))).toEqual([
        { artifactType: OPENTOFU_TYPES.target, annotations: undefined, digest: expect.any(String) as string },
        { artifactType: 'application/vnd.tf.provider.v1+json', annotations: { 'original-filename': filename, 'original-file-digest': sha256 }, digest: entries.find((entry) => entry.platform?.os === os)?.digest },
      ]);
    }
  });

  it.each<[string, (files: ProviderRelease['files']) => readonly ReleaseFile[]]>([
    ['archives first', (files) => files.toReversed()],
    ['the plain names', (files) => files.map((file) => ({ ...file, filename: file.filename.replace(/^.*_(?=SHA256SUMS)/, '') }))],
    ['the name that goreleaser makes the manifest of', (files) => files.map((file) => ({ ...file, filename: file.filename.replace(/^.*_manifest\.json$/, 'terraform-registry-manifest.json') }))],
  ])('takes %s', async (_case, change) => {
    const answer = await sample.uploads.publish(DEMO, VERSION, formBody(change(release.files)), CALL);

    expect(answer).toMatchObject({ outcome: 'created', warnings: [] });
    expect(providerDocumentOf(await factOf()).protocols).toEqual(['5.0', '6.0']);
  });

  it('stores an armored signature as clients need it', async () => {
    const armored = await providerRelease({ type: 'demo', version: VERSION, key: sample.key, signatureForm: 'armored' });

    await sample.uploads.publish(DEMO, VERSION, formBody(armored.files.map((file) => ({ ...file, filename: file.filename.replace(/\.sig$/, '.asc') }))), CALL);

    expect(armored.signature?.bytes.toString()).toContain('BEGIN PGP SIGNATURE');
    const signature = await stored(await factOf(), TERRAFORM_TYPES.signature);
    expect(signature?.[0]).toBeGreaterThanOrEqual(0x80);
  });

  it('takes protocol 5.0 where there is no manifest, and says so', async () => {
    const bare = await providerRelease({ type: 'demo', version: VERSION, key: sample.key, withoutManifest: true });

    const { warnings } = await sample.uploads.publish(DEMO, VERSION, formBody(bare.files), CALL);

    expect(warnings).toEqual([expect.stringMatching(/no terraform-provider-demo_1\.2\.3_manifest\.json.*protocol 5\.0/)]);
    expect(providerDocumentOf(await factOf()).protocols).toEqual(['5.0']);
  });

  it.each<[string, (right: string) => string, (files: readonly ReleaseFile[]) => readonly ReleaseFile[], RegExp]>([
    ['a manifest that was left out', (right) => right, (files) => files.filter(({ filename }) => !filename.endsWith('.json')), /names terraform-provider-demo_1\.2\.3_manifest\.json, which was not sent/],
    ['a manifest that is not signed', (right) => right.split('\n').filter((line) => !line.endsWith('.json')).join('\n'), (files) => files, /is not named in SHA256SUMS/],
    ['lines of another provider', (right) => `${right}${'0'.repeat(64)}  terraform-provider-other_1.2.3_linux_amd64.zip\n`, (files) => files, /archives of other releases: terraform-provider-other_1\.2\.3_linux_amd64\.zip/],
  ])('warns of %s', async (_case, sums, change, expected) => {
    const odd = await providerRelease({ type: 'demo', version: VERSION, key: sample.key, sums });

    const answer = await sample.uploads.publish(DEMO, VERSION, formBody(change(odd.files)), CALL);

    expect(answer.outcome).toBe('created');
    expect(answer.warnings.join('\n')).toMatch(expected);
  });

  it.each(['1.0.0-rc.1', '1.0.0+build.5', '0.0.0-SNAPSHOT-981ad9a', '2.0.0-beta.1+a.b'])('takes the version %s', async (version) => {
    const odd = await providerRelease({ type: 'demo', version, key: sample.key });

    expect((await sample.uploads.publish(DEMO, version, formBody(odd.files), CALL)).outcome).toBe('created');
    expect([...(await sample.fold()).facts.keys()]).toEqual([version.replace('+', '_')]);
  });

  it('takes a key that was added at another replica just now', async () => {
    const key = await strangersKey();
    const theirs = await providerRelease({ type: 'demo', version: VERSION, key });
    expect(await refusal(theirs.files)).toMatch(/^forbidden /);

    await sample.keys.add(DEMO.namespace, key.publicKey, CALL);

    expect((await sample.replica().publish(DEMO, VERSION, formBody(theirs.files), CALL)).outcome).toBe('created');
  });
});

describe('a namespace with a key here', () => {
  it.each([[[]], [['sums']]])('gets what comes unsigned signed: %j', async (sent) => {
    const unsigned = await providerRelease({ type: 'demo', version: VERSION, platforms: PLATFORMS, key: null });
    const files = unsigned.files.filter((file) => file !== unsigned.sums || sent.includes('sums' as never));

    const answers = [await sample.uploads.publish(SIGNED, VERSION, formBody(files), CALL), await sample.uploads.publish(SIGNED, VERSION, formBody(files), CALL)];

    expect(answers.map(({ outcome }) => outcome)).toEqual(['created', 'same']);
    expect(providerDocumentOf(await factOf(VERSION, SIGNED)).keys).toEqual([sample.signer.publicKey()]);
  });

  it('takes what is signed with that key, and nothing of another', async () => {
    const theirs = await providerRelease({ type: 'demo', version: VERSION, key: await strangersKey() });

    expect(await failure(sample.uploads.publish(SIGNED, VERSION, formBody(theirs.files), CALL))).toMatch(/^forbidden /);
    const signature = smallFile(theirs.signature?.filename ?? '', await sample.signer.sign(theirs.sums.bytes));
    const files = theirs.files.map((file) => (file === theirs.signature ? signature : file));
    expect((await sample.uploads.publish(SIGNED, VERSION, formBody(files), CALL)).outcome).toBe('created');
  });
});

describe('a bad release', () => {
  it.each<[string, () => Promise<readonly ReleaseFile[]> | readonly ReleaseFile[], RegExp]>([
    ['nothing', () => [], /^invalid /],
    ['no archive', () => without(...release.archives.map(({ filename }) => filename)), /^invalid No archive was sent/],
    ['no sums', () => without(release.sums.filename), /^invalid terraform-provider-demo_1\.2\.3_SHA256SUMS is missing.*sha256sum/],
    ['no sums and no signature', () => without(release.sums.filename, release.signature?.filename), /^invalid .*SHA256SUMS is missing/],
    ['no signature', () => without(release.signature?.filename), /^invalid .*SHA256SUMS\.sig is missing.*gpg --detach-sign/],
    ['a missing archive', () => without(release.archives[0]?.filename), /^unprocessable SHA256SUMS names archives that were not sent: terraform-provider-demo_1\.2\.3_linux_amd64\.zip/],
    ['one archive too many', () => [...release.files, providerArchive({ type: 'demo', version: VERSION, platform: 'windows_386' })], /^unprocessable SHA256SUMS has no line for terraform-provider-demo_1\.2\.3_windows_386\.zip/],
    ['a swapped archive', () => release.files.map((file) => (file === release.archives[0] ? { ...file, pieces: () => providerArchive({ type: 'demo', version: VERSION, platform: 'linux_amd64', program: () => Buffer.from('evil') }).pieces() } : file)), /^unprocessable terraform-provider-demo_1\.2\.3_linux_amd64\.zip has the sha256 [0-9a-f]{64}, and SHA256SUMS says [0-9a-f]{64}/],
    ['a swapped manifest', () => release.files.map((file) => (file === release.manifest ? smallFile(file.filename, providerManifest(['6.0'])) : file)), /^unprocessable terraform-provider-demo_1\.2\.3_manifest\.json has the sha256/],
    ['sums of upper case that were signed otherwise', () => release.files.map((file) => (file === release.sums ? smallFile(file.filename, Buffer.from(release.sums.bytes.toString().replace(/^[0-9a-f]+/, (hex) => hex.toUpperCase()))) : file)), /^unprocessable The signature by [0-9A-F]{16} is not of this SHA256SUMS/],
    ['a key that nobody knows', async () => (await providerRelease({ type: 'demo', version: VERSION, key: await strangersKey() })).files, /^forbidden SHA256SUMS is signed by the key [0-9A-F]{16}.*api\/v1\/terraform\/keys\/acme/],
    ['a signature that is none', () => release.files.map((file) => (file === release.signature ? smallFile(file.filename, Buffer.from('no signature')) : file)), /^unprocessable The signature is no/],
    ['an empty signature', () => release.files.map((file) => (file === release.signature ? smallFile(file.filename, Buffer.alloc(0)) : file)), /^invalid terraform-provider-demo_1\.2\.3_SHA256SUMS\.sig is empty/],
    ['a blank line in the sums', async () => (await providerRelease({ type: 'demo', version: VERSION, key: sample.key, sums: (right) => `${right}\n` })).files, /^unprocessable SHA256SUMS, line 3: .*blank/],
    ['the mark of a binary file in the sums', async () => (await providerRelease({ type: 'demo', version: VERSION, key: sample.key, sums: (right) => right.replaceAll('  ', ' *') })).files, /^unprocessable SHA256SUMS, line 1: .*\*/],
    ['sums with another hash', async () => (await providerRelease({ type: 'demo', version: VERSION, key: sample.key, sums: (right) => right.replace(/^[0-9a-f]{8}/, '00000000') })).files, /^unprocessable terraform-provider-demo_1\.2\.3_linux_amd64\.zip has the sha256/],
    ['empty sums', async () => (await providerRelease({ type: 'demo', version: VERSION, key: sample.key, sums: () => '' })).files, /^invalid .*SHA256SUMS is empty/],
    ['names of another version', async () => (await providerRelease({ type: 'demo', version: '1.2.4', key: sample.key })).files, /^unprocessable .*is named as a file of demo 1\.2\.4, and demo 1\.2\.3 is being published/],
    ['names of another provider', async () => (await providerRelease({ type: 'other', version: VERSION, key: sample.key })).files, /^unprocessable .*is named as a file of other 1\.2\.3/],
    ['a name without its prefix', () => named(release.files, 'terraform-provider-demo_1.2.3_linux', 'demo_1.2.3_linux'), /^invalid "demo_1\.2\.3_linux_amd64\.zip" is no file of a provider's release/],
    ['another file', () => [...release.files, smallFile('README.md', Buffer.from('x'))], /^invalid "README\.md" is no file of a provider's release/],
    ['a path', () => named(release.files, 'terraform-provider-demo_1.2.3_linux', '../terraform-provider-demo_1.2.3_linux'), /^invalid .*no slashes/],
    ['a path of Windows', () => named(release.files, 'terraform-provider-demo_1.2.3_linux', 'C:\\terraform-provider-demo_1.2.3_linux'), /^invalid /],
    ['a file twice', () => [...release.files, release.sums], /^invalid The upload has terraform-provider-demo_1\.2\.3_SHA256SUMS twice\. /],
    ['two sums', () => [...release.files, { ...release.sums, filename: 'SHA256SUMS' }], /^invalid The upload has SHA256SUMS twice \(also as terraform-provider-demo_1\.2\.3_SHA256SUMS\)/],
    ['protocol 4.0', async () => (await providerRelease({ type: 'demo', version: VERSION, key: sample.key, protocols: ['4.0'] })).files, /^unprocessable .*protocols 5 and 6.*4\.0/],
    ['a manifest that is none', () => release.files.map((file) => (file === release.manifest ? smallFile(file.filename, Buffer.from('{}')) : file)), /^unprocessable /],
    ['an archive with directories', async () => (await providerRelease({ type: 'demo', version: VERSION, key: sample.key, entries: [{ path: 'docs/', content: Buffer.alloc(0) }] })).files, /^unprocessable terraform-provider-demo_1\.2\.3_linux_amd64\.zip cannot be taken: .*directory/],
    ['an archive without the program', async () => {
      const archive = { ...providerArchive({ type: 'demo', version: VERSION, platform: 'linux_amd64' }), ...smallFile('terraform-provider-demo_1.2.3_linux_amd64.zip', zipFile([{ path: 'README.md', content: Buffer.from('x') }])) };
      return (await providerRelease({ type: 'demo', version: VERSION, key: sample.key, archives: [archive] })).files;
    }, /^unprocessable terraform-provider-demo_1\.2\.3_linux_amd64\.zip cannot be taken: .*program/],
    ['an archive that is none', async () => {
      const archive = { ...providerArchive({ type: 'demo', version: VERSION, platform: 'linux_amd64' }), ...smallFile('terraform-provider-demo_1.2.3_linux_amd64.zip', Buffer.from('no zip')) };
      return (await providerRelease({ type: 'demo', version: VERSION, key: sample.key, archives: [archive] })).files;
    }, /^unprocessable terraform-provider-demo_1\.2\.3_linux_amd64\.zip cannot be taken/],
    ['sums of more than they may have', () => release.files.map((file) => (file === release.sums ? smallFile(file.filename, Buffer.alloc(2 ** 20 + 1, 'x')) : file)), /^too-large terraform-provider-demo_1\.2\.3_SHA256SUMS is larger than the 1048576 bytes/],
    ['an archive over the limit', () => release.files.map((file) => (file === release.archives[0] ? { ...file, pieces: () => [Buffer.alloc(LIMIT), Buffer.alloc(1)] } : file)), /^too-large terraform-provider-demo_1\.2\.3_linux_amd64\.zip is larger than the 4194304 bytes/],
    ['more files than there may be', () => Array.from({ length: 201 }, (_, index) => ({ ...release.sums, filename: `terraform-provider-demo_1.2.3_linux_a${index}.zip` })), /^too-large The upload has more than the 200 files/],
  ])('is refused: %s', async (_case, files, expected) => {
    expect(await refusal(await files())).toMatch(expected);
  });

  it.each(['v1.2.3', '1.2', 'latest', '1.2.03', '01.2.3', '1.2.3 ', '../1.2.3', ''])('is refused as version %j', async (version) => {
    expect(await failure(sample.uploads.publish(DEMO, version, formBody(release.files), CALL))).toMatch(/^invalid .*is no version as clients read it/);
    expect(await failure(sample.uploads.begin(DEMO, version, CALL))).toMatch(/^invalid /);
  });

  it('is refused where no key is registered', async () => {
    expect(await failure(sample.uploads.publish({ ...DEMO, namespace: 'nobody' }, VERSION, formBody(release.files), CALL))).toMatch(/^forbidden No key is registered for the namespace nobody.*gpg --armor --export/);
  });

  it.each([undefined, 'application/json', 'application/zip'])('is refused as content type %s', async (contentType) => {
    expect(await failure(sample.uploads.publish(DEMO, VERSION, { ...formBody(release.files), contentType }, CALL))).toMatch(/^unsupported-media-type /);
  });

  it('is refused where it breaks off', async () => {
    const form = uploadForm(release.files);
    const body = await buffer(form.stream());

    for (const length of [0, 10, 300, body.length - 300, body.length - 4]) {
      const stream = Readable.from(length === 0 ? [] : [body.subarray(0, length)], { objectMode: false });
      expect(await failure(sample.uploads.publish(DEMO, VERSION, { contentType: form.contentType, stream }, CALL)), `at ${length}`).toMatch(/^invalid /);
    }
    expect((await sample.fold()).facts.size).toBe(0);
  });

  it('leaves nothing when the sender leaves', async () => {
    const form = uploadForm(release.files);
    const body = await buffer(form.stream());
    const stream = new PassThrough();
    const answer = failure(sample.uploads.publish(DEMO, VERSION, { contentType: form.contentType, stream }, CALL));
    stream.write(body.subarray(0, body.length - 100));
    await sleep(20);
    expect(await sample.left()).not.toEqual([]);

    stream.destroy(new Error('reset'));

    expect(await answer).toMatch(/^aborted /);
    expect((await sample.fold()).facts.size).toBe(0);
  });

  it('names a bad file before the rest of it is read', async () => {
    let sent = 0;
    const form = uploadForm([{ ...release.sums, filename: 'terraform-provider-demo_9.9.9_linux_amd64.zip', pieces: () => [Buffer.alloc(3 * 2 ** 20)] }, ...release.files]);
    const body = await buffer(form.stream());
    const pieces = function* (): Iterable<Buffer> {
      for (; sent < body.length; sent += 4096) {
        yield body.subarray(sent, sent + 4096);
      }
    };
    const stream = Readable.from(pieces(), { objectMode: false });

    expect(await failure(sample.uploads.publish(DEMO, VERSION, { contentType: form.contentType, stream }, CALL))).toMatch(/^unprocessable .*demo 9\.9\.9/);

    expect(sent).toBeLessThan(256 * 1024);
    // Whoever answers has to be able to read the rest.
    expect(stream.destroyed).toBe(false);
    stream.resume();
  });
});

describe('again', () => {
  it('is the same with the same archives, whoever signed them when', async () => {
    await sample.uploads.publish(DEMO, VERSION, formBody(release.files), CALL);
    await sleep(1100);
    const again = await providerRelease({ type: 'demo', version: VERSION, platforms: PLATFORMS, protocols: ['5.0', '6.0'], key: sample.key });

    expect(again.signature?.sha256).not.toBe(release.signature?.sha256);
    expect((await sample.replica().publish(DEMO, VERSION, formBody(again.files), CALL)).outcome).toBe('same');
    expect(await stored(await factOf(), TERRAFORM_TYPES.signature)).toEqual(release.signature?.bytes);
  });

  it('is refused with other archives', async () => {
    await sample.uploads.publish(DEMO, VERSION, formBody(release.files), CALL);
    const other = await providerRelease({ type: 'demo', version: VERSION, key: sample.key, program: () => Buffer.from('other') });

    expect(await failure(sample.replica().publish(DEMO, VERSION, formBody(other.files), CALL))).toBe('conflict registry.example.com/acme/demo 1.2.3 exists already with other archives, other SHA256SUMS or another manifest, and a published version never changes. Raise the version and publish again.');
    expect(await stored(await factOf(), TERRAFORM_TYPES.sums)).toEqual(release.sums.bytes);
  });

  it.each([
    ['that SHA256SUMS name', {}],
    ['that SHA256SUMS do not name', { sums: (right: string) => right.split('\n').filter((line) => !line.endsWith('.json')).join('\n') }],
  ])('is refused with a manifest %s, and that was not sent before', async (_what, more) => {
    const whole = await providerRelease({ type: 'demo', version: VERSION, protocols: ['6.0'], key: sample.key, ...more });
    await sample.uploads.publish(DEMO, VERSION, formBody(whole.files.filter(({ filename }) => !filename.endsWith('.json'))), CALL);

    expect(await failure(sample.replica().publish(DEMO, VERSION, formBody(whole.files), CALL))).toMatch(/^conflict .*another manifest/);
    expect(providerDocumentOf(await factOf()).protocols).toEqual(['5.0']);
  });

  it('is refused once it was deleted', async () => {
    await sample.uploads.publish(DEMO, VERSION, formBody(release.files), CALL);
    await sample.ledger.delete(providerRef(DEMO), [VERSION], CALL);

    expect(await failure(sample.replica().publish(DEMO, VERSION, formBody(release.files), CALL))).toMatch(/^conflict registry\.example\.com\/acme\/demo 1\.2\.3 was deleted/);
    expect((await sample.fold()).facts.size).toBe(0);
  });

  it('and at once is the same for all', async () => {
    const answers = await Promise.all(Array.from({ length: 4 }, () => sample.replica().publish(DEMO, VERSION, formBody(release.files), CALL)));

    expect(answers.map(({ outcome }) => outcome).sort()[0]).toBe('created');
    expect((await sample.fold()).facts.size).toBe(1);
  });

  it('and at once with other archives is won by one', async () => {
    const others = await Promise.all(Array.from({ length: 4 }, (_, index) => providerRelease({ type: 'demo', version: VERSION, key: sample.key, program: () => Buffer.from(`program ${index}`) })));

    const answers = await Promise.all(others.map(({ files }) => sample.replica().publish(DEMO, VERSION, formBody(files), CALL).then(({ outcome }) => outcome, (error: unknown) => (error instanceof ProxyError ? error.code : String(error)))));

    expect(answers.toSorted()).toEqual(['conflict', 'conflict', 'conflict', 'created']);
    expect(await stored(await factOf(), TERRAFORM_TYPES.sums)).toEqual(others[answers.indexOf('created')]?.sums.bytes);
  });
});

describe('the form of the original project', () => {
  const fields = { namespace: 'acme', type: 'demo', version: VERSION };
  const call = { ...CALL, authorize: () => DEMO };

  it('is taken as it was documented', async () => {
    const body = formBody(release.files, fields, ({ filename }) => filename.replace(/^.*_(?=SHA256SUMS)/, ''));

    const answer = await sample.uploads.publishForm(body, call);

    expect(answer).toMatchObject({ outcome: 'created', ...fields });
    expect(providerDocumentOf(await factOf()).archives).toHaveLength(2);
  });

  it('is taken with names in the fields alone', async () => {
    const form = uploadForm(release.files, fields, ({ filename }) => filename);
    const body = (await buffer(form.stream())).toString('latin1').replaceAll(/; filename="[^"]*"/g, '; filename="blob"');

    const answer = await sample.uploads.publishForm({ contentType: form.contentType, stream: Readable.from([Buffer.from(body, 'latin1')], { objectMode: false }) }, call);

    expect(answer.outcome).toBe('created');
  });

  it('is taken with names that leave out terraform-provider-', async () => {
    const strip = (text: string): string => text.replaceAll('terraform-provider-demo_', 'demo_');
    const bare = await providerRelease({ type: 'demo', version: VERSION, key: sample.key, sums: strip });

    const answer = await sample.uploads.publishForm(formBody(bare.files.map((file) => ({ ...file, filename: strip(file.filename) })), fields), call);

    expect(answer.outcome).toBe('created');
    expect(providerDocumentOf(await factOf()).archives.map(({ filename }) => filename)).toEqual(['demo_1.2.3_linux_amd64.zip']);
  });

  it('is taken with its fields last', async () => {
    const seen: unknown[] = [];
    const form = uploadForm(release.files);
    const head = (await buffer(form.stream())).toString('latin1').replace(/--\r\n$/, '\r\n');
    const boundary = form.contentType.replace(/^.*boundary=/, '');
    const tail = Object.entries(fields).map(([name, value]) => `Content-Disposition: form-data; name="${name}"\r\n\r\n ${value} \r\n--${boundary}`).join('\r\n');
    const stream = Readable.from([Buffer.from(`${head}${tail}--\r\n`, 'latin1')], { objectMode: false });

    const answer = await sample.uploads.publishForm({ contentType: form.contentType, stream }, { ...CALL, authorize: (target) => (seen.push(target), DEMO) });

    expect(answer).toMatchObject({ outcome: 'created', ...fields });
    expect(seen).toEqual([fields]);
  });

  it('asks who it is before files are read, where its fields come first', async () => {
    let sent = 0;
    const form = uploadForm([{ ...release.sums, filename: 'terraform-provider-demo_1.2.3_linux_amd64.zip', pieces: () => [Buffer.alloc(3 * 2 ** 20)] }], fields);
    const body = await buffer(form.stream());
    const pieces = function* (): Iterable<Buffer> {
      for (; sent < body.length; sent += 4096) {
        yield body.subarray(sent, sent + 4096);
      }
    };
    const authorize = (): never => {
      throw new ProxyError('forbidden', 'not you');
    };

    expect(await failure(sample.uploads.publishForm({ contentType: form.contentType, stream: Readable.from(pieces(), { objectMode: false }) }, { ...CALL, authorize }))).toBe('forbidden not you');
    expect(sent).toBeLessThan(256 * 1024);
  });

  it.each<[string, Readonly<Record<string, string>>, RegExp]>([
    ['no fields', {}, /^invalid The form does not say what is published: namespace, type, version are missing/],
    ['no version', { namespace: 'acme', type: 'demo', version: ' ' }, /^invalid .*: version is missing/],
    ['a version with a v', { ...fields, version: 'v1.2.3' }, /^invalid "v1\.2\.3" is no version.*Leave out the v/],
    ['another version', { ...fields, version: '1.2.4' }, /^unprocessable .*is named as a file of demo 1\.2\.3, and demo 1\.2\.4/],
    ['a field that is too large', { ...fields, note: 'x'.repeat(70_000) }, /^too-large The field note/],
  ])('is refused with %s', async (_case, sent, expected) => {
    expect(await failure(sample.uploads.publishForm(formBody(release.files, sent), call))).toMatch(expected);
    expect((await sample.fold()).facts.size).toBe(0);
  });
});
