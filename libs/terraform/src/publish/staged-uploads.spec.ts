import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

import { ProxyError } from '@oci-package-proxy/errors';
import { Ledger } from '@oci-package-proxy/storage';
import { providerArchive, type ProviderRelease, providerRelease, type ReleaseFile, smallFile } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ECOSYSTEM, providerRef } from '../model/address.ts';
import { providerDocumentOf } from '../model/terraform-fact.ts';
import { CALL, DEMO, failure, fileBody, formBody, LIMIT, type SamplePublishing, samplePublishing, strangersKey } from './sample-publishing.contract.ts';
import { stagedRef } from './staged-fact.ts';

const VERSION = '1.2.3';
const DAY = 86_400_000;

let sample: SamplePublishing;
let release: ProviderRelease;

beforeEach(async () => {
  sample = await samplePublishing();
  release = await providerRelease({ type: 'demo', version: VERSION, platforms: ['linux_amd64', 'darwin_arm64'], protocols: ['6.0'], key: sample.key });
});
afterEach(async () => {
  expect(await sample.left()).toEqual([]);
  await sample.close();
});

function stage(id: string, file: ReleaseFile, uploads = sample.replica()): ReturnType<typeof uploads.stage> {
  return uploads.stage(DEMO, VERSION, id, file.filename, fileBody(file), CALL);
}

async function stageAll(id: string, files: readonly ReleaseFile[] = release.files): Promise<void> {
  for (const file of files) {
    await stage(id, file);
  }
}

async function stagedTags(): Promise<readonly string[]> {
  return [...(await new Ledger({ registry: sample.registry }).fold(stagedRef(DEMO), { fresh: true })).facts.keys()];
}

async function begun(): Promise<string> {
  return (await sample.uploads.begin(DEMO, VERSION, CALL)).id;
}

describe('an upload in several requests', () => {
  it('is gone on with by any replica, and is committed as if it had been one form', async () => {
    const id = await begun();
    await Promise.all(release.files.map((file) => stage(id, file)));
    const staged = await sample.replica().staged(DEMO, VERSION, id, CALL);
    expect((await sample.fold()).facts.size).toBe(0);

    const answer = await sample.replica().commit(DEMO, VERSION, id, CALL);

    expect(staged).toEqual({ id, version: VERSION, files: release.files.map(({ filename, size, sha256 }) => ({ filename, size, sha256 })).toSorted((one, other) => (one.filename < other.filename ? -1 : 1)) });
    expect(answer).toMatchObject({ outcome: 'created', version: VERSION, warnings: [] });
    const fact = await sample.ledger.fact(providerRef(DEMO), VERSION);
    expect(fact && providerDocumentOf(fact)).toMatchObject({ protocols: ['6.0'], archives: [{ filename: 'terraform-provider-demo_1.2.3_darwin_arm64.zip' }, { filename: 'terraform-provider-demo_1.2.3_linux_amd64.zip' }] });
    expect((await sample.replica().publish(DEMO, VERSION, formBody(release.files), CALL)).outcome).toBe('same');
    expect(await stagedTags()).toEqual([]);
    expect(await failure(sample.replica().commit(DEMO, VERSION, id, CALL))).toMatch(/^not-found .*was committed or abandoned/);
  });

  it('is under no name that is a provider', async () => {
    const id = await begun();
    await stageAll(id);

    const names: string[] = [];
    for await (const name of new Ledger({ registry: sample.registry }).packages(ECOSYSTEM)) {
      names.push(name);
    }
    expect(names).toEqual([]);
    expect((await sample.fold()).facts.size).toBe(0);
  });

  it('takes a file again, and no other bytes under its name', async () => {
    const id = await begun();
    await stage(id, release.sums);

    expect((await stage(id, release.sums)).files).toHaveLength(1);
    expect(await failure(stage(id, { ...release.sums, pieces: () => [Buffer.from('other')] }))).toMatch(/^conflict terraform-provider-demo_1\.2\.3_SHA256SUMS is staged already with other bytes\. Abandon this upload/);
    expect(await failure(stage(id, { ...release.sums, filename: 'SHA256SUMS', pieces: () => [Buffer.from('other')] }))).toMatch(/^conflict SHA256SUMS is staged already/);
  });

  it('keeps two at once apart', async () => {
    const [one, other] = [await begun(), await begun()];
    await stage(one, release.sums);

    await stage(other, { ...release.sums, pieces: () => [Buffer.from('other')] });

    expect((await sample.uploads.staged(DEMO, VERSION, one, CALL)).files).toEqual([{ filename: release.sums.filename, size: release.sums.size, sha256: release.sums.sha256 }]);
    await sample.uploads.abandon(DEMO, VERSION, one, CALL);
    expect((await sample.uploads.staged(DEMO, VERSION, other, CALL)).files).toHaveLength(1);
  });

  it('stays as it is when its commit is refused, and can be completed', async () => {
    const id = await begun();
    await stageAll(id, release.files.filter((file) => file !== release.signature));
    expect(await failure(sample.uploads.commit(DEMO, VERSION, id, CALL))).toMatch(/^invalid .*SHA256SUMS\.sig is missing/);
    expect((await sample.fold()).facts.size).toBe(0);

    await stage(id, release.signature ?? release.sums);

    expect((await sample.uploads.commit(DEMO, VERSION, id, CALL)).outcome).toBe('created');
  });

  it('is checked as a form is', async () => {
    const theirs = await providerRelease({ type: 'demo', version: VERSION, key: await strangersKey() });
    const id = await begun();
    await stageAll(id, theirs.files);

    expect(await failure(sample.uploads.commit(DEMO, VERSION, id, CALL))).toMatch(/^forbidden SHA256SUMS is signed by the key/);
    expect(await failure(sample.uploads.commit(DEMO, VERSION, await begun(), CALL))).toMatch(/^invalid No archive was sent/);
  });

  it('answers the same where the version is there already, after a crash too', async () => {
    await sample.uploads.publish(DEMO, VERSION, formBody(release.files), CALL);
    const id = await begun();
    await stageAll(id);

    expect((await sample.replica().commit(DEMO, VERSION, id, CALL)).outcome).toBe('same');
    expect(await stagedTags()).toEqual([]);
  });

  it('is published even if it cannot be cleaned up, and what stays ends by itself', async () => {
    const id = await begun();
    await stageAll(id);
    const { ledger } = sample;
    const logged: string[] = [];
    const uploads = sample.replica({
      ledger: {
        fold: (ref, call) => ledger.fold(ref, call),
        open: (ref, layer, call) => ledger.open(ref, layer, call),
        publish: (ref, fact, call) => ledger.publish(ref, fact, call),
        refreshSnapshot: (ref) => ledger.refreshSnapshot(ref),
        delete: () => Promise.reject(new ProxyError('storage-unavailable', 'gone')),
      },
      logger: { warn: (_fields, message) => logged.push(message) },
    });

    expect((await uploads.commit(DEMO, VERSION, id, CALL)).outcome).toBe('created');
    sample.now += DAY + 1;
    const next = await uploads.begin(DEMO, VERSION, CALL);

    expect(logged).toEqual([expect.stringContaining('were not deleted'), expect.stringContaining('were not deleted')]);
    expect(await stagedTags()).toHaveLength(release.files.length + 2);
    expect(next.files).toEqual([]);
  });

  it('is thrown away', async () => {
    const id = await begun();
    await stageAll(id);

    await sample.replica().abandon(DEMO, VERSION, id, CALL);

    expect(await stagedTags()).toEqual([]);
    for (const work of [sample.uploads.staged(DEMO, VERSION, id, CALL), stage(id, release.sums), sample.uploads.commit(DEMO, VERSION, id, CALL), sample.uploads.abandon(DEMO, VERSION, id, CALL)]) {
      expect(await failure(work)).toMatch(/^not-found .*was committed or abandoned\. Begin another one/);
    }
  });

  it('ends after a day, and what it left is deleted when another one begins', async () => {
    const id = await begun();
    await stageAll(id);
    sample.now += DAY - 1;
    expect((await sample.uploads.staged(DEMO, VERSION, id, CALL)).files).toHaveLength(release.files.length);

    sample.now += 2;

    expect(await failure(sample.uploads.staged(DEMO, VERSION, id, CALL))).toMatch(/^not-found .*begun more than a day ago/);
    expect(await stagedTags()).toHaveLength(release.files.length + 1);
    const next = await begun();
    expect(await stagedTags()).toEqual([next]);
  });

  it.each(['0123456789abcdef', 'none', '', '_origin', '../x'])('is not found as %j', async (id) => {
    await begun();

    expect(await failure(sample.uploads.staged(DEMO, VERSION, id, CALL))).toMatch(/^not-found /);
    expect(await failure(stage(id, release.sums))).toMatch(/^not-found /);
  });

  it('is not found for another version or provider', async () => {
    const id = await begun();

    expect(await failure(sample.uploads.staged(DEMO, '1.2.4', id, CALL))).toMatch(/^not-found /);
    expect(await failure(sample.uploads.staged({ ...DEMO, type: 'other' }, VERSION, id, CALL))).toMatch(/^not-found /);
  });
});

describe('a staged file', () => {
  it.each<[string, ReleaseFile, RegExp]>([
    ['of another kind', smallFile('README.md', Buffer.from('x')), /^invalid "README\.md" is no file of a provider's release/],
    ['with a path', smallFile('../terraform-provider-demo_1.2.3_SHA256SUMS', Buffer.from('x')), /^invalid .*no slashes/],
    ['of another version', smallFile('terraform-provider-demo_1.2.4_SHA256SUMS', Buffer.from('x')), /^unprocessable .*demo 1\.2\.4/],
    ['that is empty', smallFile('SHA256SUMS', Buffer.alloc(0)), /^invalid SHA256SUMS is empty/],
    ['that is too large', smallFile('terraform-provider-demo_1.2.3_linux_amd64.zip', Buffer.alloc(LIMIT + 1)), /^too-large /],
    ['of sums that are too large', smallFile('SHA256SUMS', Buffer.alloc(2 ** 20 + 1)), /^too-large SHA256SUMS is larger than the 1048576 bytes/],
  ])('is refused: one %s', async (_case, file, expected) => {
    const id = await begun();

    expect(await failure(stage(id, file))).toMatch(expected);
    expect(await stagedTags()).toEqual([id]);
  });

  it('is refused as a form', async () => {
    expect(await failure(sample.uploads.stage(DEMO, VERSION, await begun(), 'SHA256SUMS', formBody(release.files), CALL))).toMatch(/^unsupported-media-type .*curl -T/);
  });

  it('is one of at most 200', async () => {
    const id = await begun();
    for (let index = 0; index < 200; index += 1) {
      await stage(id, { ...providerArchive({ type: 'demo', version: VERSION, platform: `linux_a${index}` }), pieces: () => [Buffer.from('x')] }, sample.uploads);
    }

    expect(await failure(stage(id, release.sums))).toMatch(/^too-large .*200 files/);
  }, 60_000);

  it('leaves nothing when the sender leaves', async () => {
    const id = await begun();
    const stream = new PassThrough();
    const answer = failure(sample.uploads.stage(DEMO, VERSION, id, 'SHA256SUMS', { contentType: undefined, stream }, CALL));
    stream.write('sums');
    await sleep(50);

    stream.destroy(new Error('reset'));

    expect(await answer).toMatch(/^aborted /);
    expect(await stagedTags()).toEqual([id]);
  });

  it('that storage has changed is not published', async () => {
    const id = await begun();
    await stageAll(id);
    const [archive] = release.archives;
    sample.registry.corruptBlob(stagedRef(DEMO).repository, `sha256:${archive?.sha256 ?? ''}`, Buffer.alloc(archive?.size ?? 0, 'x'));

    expect(await failure(sample.replica().commit(DEMO, VERSION, id, CALL))).toMatch(/^integrity /);
    expect((await sample.fold()).facts.size).toBe(0);
  });
});
