import { createHash } from 'node:crypto';

import { type PypiUpstream, type PypiUpstreamFile, sdistFile, startPypiUpstream, wheelFile } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { mainRef } from '../model/holdings.ts';
import { type SampleProjects, startSampleProjects, wheel } from './sample-projects.contract.ts';

const NAME = 'left-pad';
const FILE = wheel(NAME);
const SDIST = sdistFile({ name: NAME, version: '1.0' });
const STRANGE = wheelFile({ name: NAME, version: '1.0', metadata: null });
const ETAG = `sha256:${createHash('sha256').update(FILE.metadata).digest('hex')}`;

let upstream: PypiUpstream;
let sample: SampleProjects;

beforeEach(async () => {
  upstream = await startPypiUpstream([], { links: 'relative' });
  sample = await startSampleProjects({ defaultUrl: upstream.url });
});

afterEach(async () => {
  await sample.close();
  await upstream.close();
});

function show(file: Partial<PypiUpstreamFile>): void {
  upstream.put({ name: NAME, files: [{ file: FILE, ...file }, { file: SDIST, provenance: { version: 1, attestation_bundles: [] } }] });
}

async function metadata(filename = FILE.filename): Promise<{ readonly bytes: Buffer; readonly etag: string } | null> {
  return sample.projects.metadata(sample.index, NAME, filename);
}

async function announced(): Promise<string | null | undefined> {
  return (await sample.page(NAME))?.files.find(({ filename }) => filename === FILE.filename)?.metadataSha256;
}

describe('core metadata', () => {
  it('of a wheel that nobody here has comes from beside it, without the wheel', async () => {
    show({});

    expect(await metadata()).toEqual({ bytes: FILE.metadata, etag: ETAG });
    expect(await announced()).toBe(ETAG.slice(7));
    expect(upstream.requests).not.toContain(`/files/${FILE.filename}`);
    await metadata();
    expect(upstream.requests.filter((path) => path.endsWith('.metadata'))).toHaveLength(1);
  });

  it.each(['missing', 'wrong'] as const)('that upstream announces and does not serve (%s) is taken from the wheel', async (how) => {
    show({ metadata: how });

    expect(await metadata()).toEqual({ bytes: FILE.metadata, etag: ETAG });
    expect(await sample.ingest()).toEqual(['stored']);
    expect(await announced()).toBe(ETAG.slice(7));
    expect(await metadata()).toEqual({ bytes: FILE.metadata, etag: ETAG });
  });

  it.each([
    ['has none', STRANGE],
    ['has another one', FILE],
  ])('that is neither beside nor in the wheel is said to be wrong: it %s', async (_, file) => {
    upstream.put({ name: NAME, files: [{ file: { ...file, metadata: Buffer.from('Name: announced\n') }, metadata: 'missing' }] });

    await expect(metadata()).rejects.toMatchObject({ code: 'integrity' });
  });

  it.each(['none', 'unhashed'] as const)('that upstream does not announce (%s) is announced once the wheel is stored', async (how) => {
    show({ metadata: how });
    const before = [await announced(), await metadata()];
    await sample.bytes(NAME, FILE.filename);
    await sample.ingest();

    expect(before).toEqual([null, null]);
    expect(await announced()).toBe(ETAG.slice(7));
    expect(await metadata()).toEqual({ bytes: FILE.metadata, etag: ETAG });
  });

  it('is what upstream announces, where the wheel says otherwise', async () => {
    const other = Buffer.concat([FILE.metadata, Buffer.from('Summary: repaired\n')]);
    const file = { ...FILE, metadata: other };
    upstream.put({ name: NAME, files: [{ file }] });
    await sample.bytes(NAME, FILE.filename);
    await sample.ingest();
    upstream.mode = 'error';

    expect((await metadata())?.bytes).toEqual(other);
    expect(await announced()).toBe(createHash('sha256').update(other).digest('hex'));
  });

  it('is missing where a strange wheel has none, and the wheel is stored all the same', async () => {
    upstream.put({ name: NAME, files: [{ file: STRANGE, metadata: 'none' }] });
    const bytes = await sample.bytes(NAME, STRANGE.filename);

    expect([bytes, await sample.ingest()]).toEqual([STRANGE.bytes, ['stored']]);
    expect([await announced(), await metadata()]).toEqual([null, null]);
  });

  it('survives storage that lost it, while upstream has it', async () => {
    show({});
    await sample.bytes(NAME, FILE.filename);
    await sample.ingest();
    sample.lose(mainRef(NAME));

    expect(await metadata()).toEqual({ bytes: FILE.metadata, etag: ETAG });
  });

  it('of a source distribution is never announced, but described once it is stored', async () => {
    show({});
    const before = await sample.projects.description(sample.index, NAME, SDIST.filename);
    await sample.bytes(NAME, SDIST.filename);
    await sample.ingest();

    expect([before, await metadata(SDIST.filename)]).toEqual([null, null]);
    expect(await sample.projects.description(sample.index, NAME, SDIST.filename)).toEqual(SDIST.metadata);
    expect((await sample.page(NAME))?.files.find(({ filename }) => filename === SDIST.filename)?.metadataSha256).toBeNull();
  });

  it('describes a wheel, stored or not', async () => {
    show({});
    const before = await sample.projects.description(sample.index, NAME, FILE.filename);
    await sample.bytes(NAME, FILE.filename);
    await sample.ingest();

    expect([before, await sample.projects.description(sample.index, NAME, FILE.filename)]).toEqual([FILE.metadata, FILE.metadata]);
    expect(await sample.projects.description(sample.index, NAME, 'nothing-1.0-py3-none-any.whl')).toBeNull();
  });

  it('of a file that does not exist is null', async () => {
    show({});

    expect(await metadata('nothing-1.0-py3-none-any.whl')).toBeNull();
  });
});

describe('provenance', () => {
  it('is what upstream has, byte for byte', async () => {
    show({});
    const text = JSON.stringify({ version: 1, attestation_bundles: [] });

    const unstored = await sample.projects.provenance(sample.index, NAME, SDIST.filename);
    await sample.bytes(NAME, SDIST.filename);
    await sample.ingest();
    const stored = await sample.projects.provenance(sample.index, NAME, SDIST.filename);

    expect(unstored?.bytes.toString()).toBe(text);
    expect(stored).toEqual(unstored);
    expect((await sample.page(NAME))?.files.map(({ hasProvenance }) => hasProvenance)).toEqual([false, true]);
    expect(await sample.projects.provenance(sample.index, NAME, FILE.filename)).toBeNull();
  });
});
