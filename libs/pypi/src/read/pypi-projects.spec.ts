import { ProxyError } from '@oci-package-proxy/errors';
import { fileTag } from '@oci-package-proxy/mapping';
import { sdistFile, type PypiUpstream, startPypiUpstream, startScriptedServer } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { STATUS_KEY, yankedFileKey, yankedVersionKey } from '../model/fold-keys.ts';
import { mainRef, publishedRef, upstreamRef } from '../model/holdings.ts';
import { type SampleOptions, type SampleProjects, startSampleProjects, wheel } from './sample-projects.contract.ts';

const NAME = 'left-pad';
const UP = wheel(NAME, '1.0');
const NEWER = wheel(NAME, '2.0');
/** Of the same name as {@link UP}, with other bytes. */
const OURS = wheel(NAME, '1.0', ['Summary: ours']);
const OURS_TOO = wheel(NAME, '1.5');
const SDIST = sdistFile({ name: NAME, version: '1.0' });

const SAME_HOST = { links: 'relative' } as const;

let first: PypiUpstream;
let second: PypiUpstream;
let samples: SampleProjects[];

beforeEach(async () => {
  samples = [];
  [first, second] = await Promise.all([startPypiUpstream([{ name: NAME, files: [{ file: UP }, { file: SDIST }] }], SAME_HOST), startPypiUpstream([], SAME_HOST)]);
});

afterEach(async () => {
  await Promise.all(samples.map(async (sample) => sample.close()));
  await Promise.all([first.close(), second.close()]);
});

async function start(options: Partial<SampleOptions> = {}): Promise<SampleProjects> {
  const sample = await startSampleProjects({ defaultUrl: first.url, upstreams: { other: second.url }, ...options });
  samples.push(sample);
  return sample;
}

/** Pulls a file through and stores it. */
async function hold(sample: SampleProjects, filename: string, index = 'default'): Promise<void> {
  await sample.bytes(NAME, filename, index);
  expect(await sample.ingest()).toEqual(['stored']);
}

function filenames(page: { readonly files: readonly { readonly filename: string }[] } | null): readonly string[] | null {
  return page === null ? null : page.files.map(({ filename }) => filename);
}

describe('a name that is ours', () => {
  const OURS_ALONE: readonly [string, Partial<SampleOptions>, (sample: SampleProjects) => Promise<void>][] = [
    ['private, with nothing published', { privateNames: ['left-*'] }, async () => Promise.resolve()],
    ['private and merged', { privateNames: ['left-*'], indexes: { default: { upstreams: ['default', 'other'], merge: ['**'] } } }, async (sample) => sample.publish(mainRef(NAME), OURS)],
    ['published', {}, async (sample) => sample.publish(mainRef(NAME), OURS)],
    ['published and deleted again', {}, async (sample) => {
      await sample.publish(mainRef(NAME), OURS);
      await sample.ledger.delete(mainRef(NAME), [fileTag(OURS.filename)], { by: 'carol' });
    }],
    ['not shown', { indexes: { default: { upstreams: ['default', 'other'], packages: ['right-*'] }, mirror: { published: false, upstreams: ['default'], packages: ['right-*'] } } }, async () => Promise.resolve()],
    ['pulled through before it was declared private', { privateNames: ['left-*'] }, async (sample) => sample.ledger.decideOrigin(mainRef(NAME), 'upstream').then(() => undefined)],
  ];

  it.each(OURS_ALONE)('is told to no upstream: %s', async (_, options, prepare) => {
    const sample = await start({ ...options, indexes: { mirror: { published: false, upstreams: ['other', 'default'] }, ...options.indexes } });
    await prepare(sample);

    for (const index of [sample.index, sample.indexOf('mirror')]) {
      for (const filename of [UP.filename, SDIST.filename, 'nothing-1.0-py3-none-any.whl']) {
        await sample.projects.page(index, NAME, { fresh: true });
        await sample.projects.page(index, NAME);
        await sample.projects.file(index, NAME, filename);
        await sample.projects.metadata(index, NAME, filename, { fresh: true });
        await sample.projects.description(index, NAME, filename);
        await sample.projects.provenance(index, NAME, filename);
      }
    }
    for await (const name of sample.projects.names(sample.index)) {
      expect(name).toBe(NAME);
    }
    await sample.projects.targetOf(sample.index, NAME).catch(() => null);

    expect([...first.requests, ...second.requests]).toEqual([]);
  });

  it('is shown by indexes that show what is published, and by no other', async () => {
    const sample = await start({ indexes: { mirror: { published: false, upstreams: ['default'] }, inside: { upstreams: [] } } });
    await sample.publish(mainRef(NAME), OURS);

    const shown = [await sample.page(NAME), await sample.page(NAME, 'inside'), await sample.page(NAME, 'mirror')].map(filenames);

    expect(shown).toEqual([[OURS.filename], [OURS.filename], null]);
    expect(await sample.bytes(NAME, OURS.filename)).toEqual(OURS.bytes);
    expect(await sample.bytes(NAME, OURS.filename, 'mirror')).toBeNull();
  });

  it.each([
    ['that was pulled through before', async (sample: SampleProjects) => sample.ledger.decideOrigin(mainRef(NAME), 'upstream').then(() => undefined)],
    ['that nobody asked for before', async () => Promise.resolve()],
  ])('and that upstream has, when it is merged: upstream\'s part stays in indexes that do not merge it: one %s', async (_, prepare) => {
    const sample = await start({ indexes: { mirror: { published: false, upstreams: ['default'] }, both: { upstreams: ['default'], merge: [NAME] }, inside: { upstreams: [] } } });
    await prepare(sample);
    const target = await sample.projects.targetOf(sample.indexOf('both'), NAME);
    await sample.publish(target, OURS);

    const [alone, mirror, both, inside] = await Promise.all([sample.page(NAME), sample.page(NAME, 'mirror'), sample.page(NAME, 'both'), sample.page(NAME, 'inside')]);

    expect(target).toEqual(publishedRef(NAME));
    expect(filenames(alone)).toEqual(expect.arrayContaining([UP.filename, SDIST.filename]));
    expect(filenames(mirror)).toEqual(filenames(alone));
    expect(filenames(both)).toEqual(expect.arrayContaining([OURS.filename, SDIST.filename]));
    expect(filenames(inside)).toEqual([OURS.filename]);
    expect(await sample.bytes(NAME, UP.filename)).toEqual(UP.bytes);
    expect(await sample.bytes(NAME, OURS.filename, 'both')).toEqual(OURS.bytes);
    expect(await sample.bytes(NAME, OURS.filename, 'inside')).toEqual(OURS.bytes);
  });

  it('that upstream does not have is ours alone where it is not merged, also when another index merges it', async () => {
    const sample = await start({ indexes: { both: { upstreams: ['default'], merge: ['**'] } } });
    const target = await sample.projects.targetOf(sample.indexOf('both'), 'only-ours');
    const asked = first.requests.length;
    await sample.publish(target, OURS);

    await sample.projects.page(sample.index, 'only-ours', { fresh: true });

    expect(target).toEqual(mainRef('only-ours'));
    expect(first.requests).toHaveLength(asked);
  });

  it('is never missing because storage fails, and is told to nobody then', async () => {
    const gate = {
      before: (): void => {
        throw new ProxyError('storage-unavailable', 'the registry is down for a test');
      },
    };
    const sample = await start({ gate, privateNames: ['left-*'] });

    await expect(sample.page(NAME)).rejects.toMatchObject({ code: 'storage-unavailable' });
    await expect(sample.bytes(NAME, UP.filename)).rejects.toMatchObject({ code: 'storage-unavailable' });
    await expect(sample.projects.metadata(sample.index, NAME, UP.filename)).rejects.toMatchObject({ code: 'storage-unavailable' });
    expect(first.requests).toEqual([]);
  });

  it('is described as it was published', async () => {
    const sample = await start();
    await sample.publish(mainRef(NAME), OURS, [{ version: 1 }]);

    const page = await sample.page(NAME);
    const metadata = await sample.projects.metadata(sample.index, NAME, OURS.filename);
    const provenance = await sample.projects.provenance(sample.index, NAME, OURS.filename);

    expect(page).toEqual({
      name: NAME,
      status: null,
      versions: ['1.0'],
      files: [{
        filename: OURS.filename,
        version: '1.0',
        hashes: { sha256: OURS.sha256 },
        size: OURS.bytes.length,
        uploadTime: '2026-01-02T03:04:05Z',
        requiresPython: '>=3.9',
        yanked: null,
        metadataSha256: metadata?.etag.slice('sha256:'.length),
        hasProvenance: true,
        gpgSignature: null,
      }],
    });
    expect(metadata?.bytes).toEqual(OURS.metadata);
    expect(JSON.parse(provenance?.bytes.toString() ?? '')).toEqual({ version: 1, attestation_bundles: [{ publisher: { kind: 'oci-package-proxy', claims: null }, attestations: [{ version: 1 }] }] });
  });
});

describe('several upstreams', () => {
  const IN_ORDER = { indexes: { default: { upstreams: ['other', 'default'] }, reversed: { published: false, upstreams: ['default', 'other'] } } };

  it('are asked in their order, and the first one that has the project shows it alone', async () => {
    second.put({ name: NAME, files: [{ file: OURS }] });
    const sample = await start(IN_ORDER);

    expect(filenames(await sample.page(NAME))).toEqual([OURS.filename]);
    expect(first.requests).toEqual([]);
    expect(await sample.bytes(NAME, SDIST.filename)).toBeNull();
    expect(first.requests).toEqual([]);
    expect(filenames(await sample.page(NAME, 'reversed'))).toEqual([UP.filename, SDIST.filename]);
  });

  it('keep files of one name apart', async () => {
    second.put({ name: NAME, files: [{ file: OURS }] });
    const sample = await start(IN_ORDER);
    await hold(sample, OURS.filename);

    const before = await sample.bytes(NAME, UP.filename, 'reversed');
    await sample.ingest();
    const after = [await sample.bytes(NAME, UP.filename, 'reversed'), await sample.bytes(NAME, OURS.filename)];

    expect(before).toEqual(UP.bytes);
    expect(after).toEqual([UP.bytes, OURS.bytes]);
    expect((await sample.ledger.fold(upstreamRef('other', NAME))).facts.size).toBe(1);
  });

  it('go on where the first one does not have the project', async () => {
    const sample = await start(IN_ORDER);

    expect(filenames(await sample.page(NAME))).toEqual([UP.filename, SDIST.filename]);
    expect(await sample.bytes(NAME, UP.filename)).toEqual(UP.bytes);
    await sample.ingest();
    expect(await sample.bytes(NAME, UP.filename)).toEqual(UP.bytes);
  });

  it.each(['error', 'drop'] as const)('never go on because the first one fails (%s)', async (mode) => {
    second.mode = mode;
    const sample = await start(IN_ORDER);

    await expect(sample.page(NAME)).rejects.toMatchObject({ code: 'upstream-unavailable' });
    await expect(sample.bytes(NAME, UP.filename)).rejects.toMatchObject({ code: 'upstream-unavailable' });
    await expect(sample.projects.metadata(sample.index, NAME, UP.filename)).rejects.toMatchObject({ code: 'upstream-unavailable' });
    expect(first.requests).toEqual([]);
  });

  it('keep serving what one has taken back, unless another one now decides', async () => {
    second.put({ name: NAME, files: [{ file: OURS }, { file: NEWER }] });
    const sample = await start(IN_ORDER);
    await hold(sample, OURS.filename);
    await hold(sample, NEWER.filename);
    second.projects.clear();

    expect(filenames(await sample.page(NAME))).toEqual([UP.filename, SDIST.filename]);
    expect(await sample.bytes(NAME, UP.filename)).toEqual(UP.bytes);
    expect(await sample.bytes(NAME, NEWER.filename)).toEqual(NEWER.bytes);
    second.mode = 'error';
    expect(await sample.bytes(NAME, NEWER.filename)).toEqual(NEWER.bytes);
  });

  it('serve what is held of the first one when it fails, whatever is held of the others', async () => {
    second.put({ name: NAME, files: [{ file: OURS }] });
    const sample = await start(IN_ORDER);
    await hold(sample, OURS.filename);
    await hold(sample, UP.filename, 'reversed');
    second.mode = 'error';

    expect(await (await start({ ...IN_ORDER, stored: sample.stored })).bytes(NAME, OURS.filename)).toEqual(OURS.bytes);
  });

  it('show what is held of the first one when it fails, and serve what is held of any', async () => {
    second.put({ name: NAME, files: [{ file: OURS }] });
    const sample = await start(IN_ORDER);
    await hold(sample, OURS.filename);
    await sample.bytes(NAME, SDIST.filename, 'reversed');
    await sample.ingest();
    second.mode = 'error';

    expect(filenames(await sample.page(NAME))).toEqual([OURS.filename]);
    expect(await sample.bytes(NAME, OURS.filename)).toEqual(OURS.bytes);
    expect(await sample.bytes(NAME, SDIST.filename)).toEqual(SDIST.bytes);
    await expect(sample.bytes(NAME, NEWER.filename)).rejects.toMatchObject({ code: 'upstream-unavailable' });
  });
});

describe('a merged project', () => {
  const MERGED = { indexes: { default: { upstreams: ['default'], merge: ['left-*'] }, plain: { upstreams: ['default'] } } };

  it('shows ours first, and of upstream what ours do not have', async () => {
    const sample = await start(MERGED);
    const target = await sample.projects.targetOf(sample.index, NAME);
    await sample.publish(target, OURS);
    await sample.publish(target, OURS_TOO);
    first.put({ name: NAME, files: [{ file: UP }, { file: SDIST }, { file: NEWER }] });

    const page = await sample.page(NAME);

    expect(target).toEqual(publishedRef(NAME));
    expect(filenames(page)).toEqual([OURS.filename, OURS_TOO.filename, SDIST.filename, NEWER.filename]);
    expect(page?.versions).toEqual(['1.0', '1.5', '2.0']);
    expect(await sample.bytes(NAME, OURS.filename)).toEqual(OURS.bytes);
    expect(filenames(await sample.page(NAME, 'plain'))).toEqual([UP.filename, SDIST.filename, NEWER.filename]);
  });

  it('keeps upstream files beside what is published here, and publishes beside what was pulled through', async () => {
    const sample = await start(MERGED);
    await sample.publish(mainRef(NAME), OURS);
    await hold(sample, SDIST.filename);
    const other = await start(MERGED);
    await hold(other, SDIST.filename);
    const beside = await other.projects.targetOf(other.index, NAME);
    await other.publish(beside, OURS);

    expect((await sample.ledger.fold(upstreamRef('default', NAME))).origin).toBe('upstream');
    expect(beside).toEqual(publishedRef(NAME));
    for (const one of [sample, other]) {
      expect(filenames(await one.page(NAME))).toEqual([OURS.filename, SDIST.filename]);
      expect(await one.bytes(NAME, OURS.filename)).toEqual(OURS.bytes);
      expect(await one.bytes(NAME, SDIST.filename)).toEqual(SDIST.bytes);
    }
  });

  it('does not bring back from upstream what was deleted here', async () => {
    const sample = await start(MERGED);
    await sample.publish(mainRef(NAME), OURS);
    await sample.ledger.delete(mainRef(NAME), [fileTag(OURS.filename)], { by: 'carol' });

    expect(filenames(await sample.page(NAME))).toEqual([SDIST.filename]);
    expect(await sample.bytes(NAME, UP.filename)).toBeNull();
  });

  it('fails when upstream does, as versions would be missing', async () => {
    const sample = await start(MERGED);
    await sample.publish(mainRef(NAME), OURS);
    first.mode = 'error';

    await expect(sample.page(NAME)).rejects.toMatchObject({ code: 'upstream-unavailable' });
    expect(await sample.bytes(NAME, OURS.filename)).toEqual(OURS.bytes);
  });

  it('lets a quarantine at upstream hide upstream files alone, and one of ours hide all', async () => {
    const sample = await start(MERGED);
    await sample.publish(mainRef(NAME), OURS_TOO);
    first.put({ name: NAME, files: [{ file: UP }], status: { status: 'quarantined' } });
    const theirs = await sample.page(NAME);
    await sample.record(mainRef(NAME), STATUS_KEY, { status: 'quarantined', reason: 'bad' });
    const ours = await sample.page(NAME);

    expect([theirs?.status, filenames(theirs)]).toEqual([null, [OURS_TOO.filename]]);
    expect([ours?.status, filenames(ours)]).toEqual([{ status: 'quarantined', reason: 'bad' }, []]);
    await expect(sample.bytes(NAME, OURS_TOO.filename)).rejects.toMatchObject({ code: 'policy', message: expect.stringContaining('(bad)') as string });
  });
});

describe('what is said here of upstream projects', () => {
  it('hides what was deleted, stored or not', async () => {
    const sample = await start();
    await hold(sample, UP.filename);
    await sample.ledger.delete(mainRef(NAME), [fileTag(UP.filename), fileTag(SDIST.filename)], { by: 'carol' });

    expect(filenames(await sample.page(NAME))).toEqual([]);
    expect(await sample.bytes(NAME, UP.filename)).toBeNull();
    expect(await sample.bytes(NAME, SDIST.filename)).toBeNull();
    expect(await sample.projects.metadata(sample.index, NAME, UP.filename)).toBeNull();
  });

  it.each([
    ['a version', yankedVersionKey('1'), 'broken', ['broken', 'broken']],
    ['a file', yankedFileKey(UP.filename), '', ['', 'by upstream']],
    ['nothing any more', yankedVersionKey('1'), null, [null, 'by upstream']],
  ])('yanks %s', async (_, key, value, yanked) => {
    first.put({ name: NAME, files: [{ file: UP }, { file: SDIST, yanked: 'by upstream' }] });
    const sample = await start();
    await hold(sample, UP.filename);
    await sample.record(mainRef(NAME), key, 'before');
    await sample.record(mainRef(NAME), key, value);

    const page = await sample.page(NAME);
    first.mode = 'error';
    const held = await (await start({ stored: sample.stored })).page(NAME);

    expect(page?.files.map((file) => file.yanked)).toEqual(yanked);
    expect(held?.files.map((file) => file.yanked)).toEqual(yanked.slice(0, 1));
  });

  it.each(['up', 'error'] as const)('sets the status before upstream (%s)', async (mode) => {
    first.put({ name: NAME, files: [{ file: UP }], status: { status: 'archived', reason: 'old' } });
    const sample = await start();
    await hold(sample, UP.filename);
    first.mode = mode;

    const before = await sample.page(NAME);
    await sample.record(mainRef(NAME), STATUS_KEY, { status: 'quarantined', reason: null });
    const after = await sample.page(NAME);

    expect(before?.status).toEqual({ status: 'archived', reason: 'old' });
    expect(after).toMatchObject({ status: { status: 'quarantined', reason: null }, versions: [], files: [] });
    await expect(sample.bytes(NAME, UP.filename)).rejects.toMatchObject({ code: 'policy' });
  });

  it('hands out no file of a project that upstream has quarantined', async () => {
    const sample = await start();
    await hold(sample, UP.filename);
    first.put({ name: NAME, files: [{ file: UP }, { file: SDIST }], status: { status: 'quarantined' } });

    expect(filenames(await sample.page(NAME))).toEqual([]);
    await expect(sample.bytes(NAME, UP.filename)).rejects.toMatchObject({ code: 'policy' });
    await expect(sample.bytes(NAME, SDIST.filename)).rejects.toMatchObject({ code: 'policy' });
  });

  it('keeps the bytes that were stored first, and raises one alarm', async () => {
    const sample = await start();
    await hold(sample, UP.filename);
    first.put({ name: NAME, files: [{ file: OURS, provenance: { version: 1 } }] });

    const page = await sample.page(NAME);
    await sample.record(mainRef(NAME), yankedFileKey(UP.filename), 'look');
    await sample.page(NAME);
    const metadata = await sample.projects.metadata(sample.index, NAME, UP.filename);

    expect(page?.files).toMatchObject([{ hashes: { sha256: UP.sha256 }, size: UP.bytes.length, metadataSha256: metadata?.etag.slice(7), hasProvenance: false }]);
    expect(metadata?.bytes).toEqual(UP.metadata);
    expect(await sample.bytes(NAME, UP.filename)).toEqual(UP.bytes);
    expect(await sample.projects.provenance(sample.index, NAME, UP.filename)).toBeNull();
    expect(sample.log.filter(({ level }) => level === 'error')).toMatchObject([{ fields: { package: NAME, file: UP.filename } }]);
  });

  it('serves, but does not list, what upstream has taken back', async () => {
    const sample = await start();
    await hold(sample, UP.filename);
    first.put({ name: NAME, files: [{ file: NEWER }] });

    expect(filenames(await sample.page(NAME))).toEqual([NEWER.filename]);
    expect(await sample.bytes(NAME, UP.filename)).toEqual(UP.bytes);
    first.projects.clear();
    expect(await sample.page(NAME)).toBeNull();
    expect(await sample.bytes(NAME, UP.filename)).toEqual(UP.bytes);
  });
});

describe('an upstream that cannot be asked', () => {
  it('is stood in for by what is held, with what it said last', async () => {
    first.put({ name: NAME, files: [{ file: UP, yanked: 'bad', provenance: { version: 1 } }, { file: SDIST }], status: { status: 'deprecated' } });
    const sample = await start();
    await hold(sample, UP.filename);
    const up = await sample.page(NAME);
    first.mode = 'error';

    const restarted = await start({ stored: sample.stored });
    const down = await restarted.page(NAME);
    const off = await (await start({ defaultUrl: null, stored: sample.stored })).page(NAME);

    expect(down).toEqual({ ...up, versions: ['1.0'], files: up?.files.slice(0, 1) });
    expect(off).toEqual({ ...down, files: down?.files.map((file) => ({ ...file, hasProvenance: false })) });
    await expect(restarted.projects.provenance(restarted.index, NAME, UP.filename)).rejects.toMatchObject({ code: 'upstream-unavailable' });
  });

  it('never makes something missing', async () => {
    const sample = await start();
    first.mode = 'error';

    await expect(sample.page(NAME)).rejects.toMatchObject({ code: 'upstream-unavailable' });
    await expect(sample.projects.file(sample.index, NAME, UP.filename)).rejects.toMatchObject({ code: 'upstream-unavailable' });
    await expect(sample.projects.description(sample.index, NAME, UP.filename)).rejects.toMatchObject({ code: 'upstream-unavailable' });
    await expect(sample.projects.provenance(sample.index, NAME, UP.filename)).rejects.toMatchObject({ code: 'upstream-unavailable' });
  });

  it('says of no file that it is missing by an old page, and shows the old page', async () => {
    const sample = await start();
    await sample.page(NAME);
    first.mode = 'error';

    expect(filenames(await sample.page(NAME))).toEqual([UP.filename, SDIST.filename]);
    await expect(sample.projects.file(sample.index, NAME, NEWER.filename)).rejects.toMatchObject({ code: 'upstream-unavailable' });
  });

  it('is one that answers nonsense', async () => {
    const garbage = await startScriptedServer((_request, response) => void response.writeHead(200, { 'content-type': 'text/plain' }).end('Please log in'));
    const sample = await start();
    await hold(sample, UP.filename);
    const other = await start({ defaultUrl: garbage.url, stored: sample.stored });

    const shown = await other.page(NAME);
    const served = await other.bytes(NAME, UP.filename);
    const missing = await other.page('nothing').catch((error: unknown) => error);
    await garbage.stop();

    expect(filenames(shown)).toEqual([UP.filename]);
    expect(served).toEqual(UP.bytes);
    expect(missing).toMatchObject({ code: 'upstream-unavailable', message: expect.stringContaining('no page of a project') as string });
  });

  it('is asked for nothing when it is switched off', async () => {
    const sample = await start();
    await hold(sample, UP.filename);
    const before = first.requests.length;
    const off = await start({ defaultUrl: null, stored: sample.stored });

    expect(await off.bytes(NAME, UP.filename)).toEqual(UP.bytes);
    expect((await off.projects.metadata(off.index, NAME, UP.filename))?.bytes).toEqual(UP.metadata);
    expect(await off.bytes(NAME, SDIST.filename)).toBeNull();
    expect(await off.page('nothing')).toBeNull();
    expect(await off.projects.provenance(off.index, NAME, UP.filename)).toBeNull();
    await expect(off.projects.targetOf(off.index, NAME)).rejects.toMatchObject({ code: 'conflict' });
    expect(await off.projects.targetOf(off.index, 'nothing')).toEqual(mainRef('nothing'));
    expect(first.requests).toHaveLength(before);
  });
});

describe('freshness', () => {
  it('asks again for a file that an old page does not list', async () => {
    const sample = await start({ ttlMs: 60_000 });
    await sample.page(NAME);
    first.put({ name: NAME, files: [{ file: NEWER }] });

    const soon = await sample.bytes(NAME, NEWER.filename);
    const page = await sample.projects.page(sample.index, NAME, { fresh: true });

    expect(soon).toBeNull();
    expect(filenames(page?.page ?? null)).toEqual([NEWER.filename]);
    expect(await sample.bytes(NAME, NEWER.filename)).toEqual(NEWER.bytes);
  });

  it('says not found of no list that was cached', async () => {
    const sample = await start({ defaultUrl: null });
    const other = await start({ defaultUrl: null, stored: sample.stored });
    const before = [await other.page(NAME), await other.bytes(NAME, OURS.filename)];
    await sample.publish(mainRef(NAME), OURS);

    expect(before).toEqual([null, null]);
    expect(filenames(await other.page(NAME))).toEqual([OURS.filename]);
    expect(await other.bytes(NAME, OURS.filename)).toEqual(OURS.bytes);
  });

  it('changes the revision if and only if the page changes', async () => {
    const sample = await start();
    const revision = async (): Promise<string | undefined> => (await sample.projects.page(sample.index, NAME, { fresh: true }))?.revision;
    const before = await revision();
    await hold(sample, UP.filename);
    const stored = await revision();
    await sample.record(mainRef(NAME), yankedFileKey(UP.filename), '');
    const yanked = await revision();
    await sample.record(mainRef(NAME), yankedFileKey(UP.filename), null);

    expect(stored).toBe(before);
    expect(yanked).not.toBe(before);
    expect(await revision()).toBe(before);
  });
});

describe('the names of an index', () => {
  it('are those that it shows', async () => {
    const sample = await start({
      privateNames: ['secret'],
      indexes: { default: { upstreams: ['default'] }, inside: { upstreams: [] }, mirror: { published: false, upstreams: ['default'] }, few: { upstreams: ['default'], packages: ['left-*'] } },
    });
    await hold(sample, UP.filename);
    await sample.publish(mainRef('ours'), wheel('ours'));
    await sample.publish(mainRef('secret'), wheel('secret'));

    const names: Record<string, string[]> = {};
    for (const index of sample.indexes.all) {
      names[index.name] = [];
      for await (const name of sample.projects.names(index)) {
        names[index.name]?.push(name);
      }
      names[index.name]?.sort();
    }

    expect(names).toEqual({ default: ['left-pad', 'ours', 'secret'], inside: ['ours', 'secret'], mirror: ['left-pad'], few: ['left-pad'] });
  });
});

describe('where a file is published to', () => {
  it('is the main place for what is new, private or ours, and beside it for what is merged with upstream\'s', async () => {
    const sample = await start({ privateNames: ['secret'], indexes: { default: { upstreams: ['default'], merge: ['merged'] } } });
    first.put({ name: 'secret', files: [] });
    first.put({ name: 'merged', files: [] });
    await sample.publish(mainRef(NAME), OURS);

    for (const name of ['new', 'secret', NAME]) {
      expect(await sample.projects.targetOf(sample.index, name)).toEqual(mainRef(name));
    }
    expect(await sample.projects.targetOf(sample.index, 'merged')).toEqual(publishedRef('merged'));
    expect(first.requests).toEqual(['/simple/new/', '/simple/merged/']);
  });

  it('is nowhere for what is upstream, at any upstream that clients may have it from', async () => {
    const sample = await start({ indexes: { inside: { upstreams: [] }, both: { upstreams: ['other'] } } });
    second.put({ name: 'elsewhere', files: [] });

    for (const [index, name] of [['default', NAME], ['inside', NAME], ['both', NAME], ['both', 'elsewhere']] as const) {
      await expect(sample.projects.targetOf(sample.indexOf(index), name)).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('privateNames') as string });
    }
    await hold(sample, UP.filename);
    await expect(sample.projects.targetOf(sample.index, NAME)).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('pulled through') as string });
  });

  it('is not known while upstream cannot be asked', async () => {
    const sample = await start();
    first.mode = 'error';

    await expect(sample.projects.targetOf(sample.index, 'new')).rejects.toMatchObject({ code: 'upstream-unavailable' });
  });

  it('is nowhere in an index that takes no uploads', async () => {
    const sample = await start({ indexes: { mirror: { published: false, upstreams: ['default'] }, few: { upstreams: [], packages: ['left-*'] } } });

    for (const index of ['mirror', 'few']) {
      await expect(sample.projects.targetOf(sample.indexOf(index), 'new')).rejects.toMatchObject({ code: 'policy' });
    }
  });
});
