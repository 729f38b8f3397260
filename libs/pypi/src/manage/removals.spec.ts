import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { fileTag } from '@oci-package-proxy/mapping';
import { isDeletedIn } from '@oci-package-proxy/storage';

import { mainRef, publishedRef, upstreamRef } from '../model/holdings.ts';
import { factOf, type SampleProjects, startSampleProjects, wheel } from './sample-projects.contract.ts';

const CALL = { by: 'carol' };

let sample: SampleProjects;
let count = 0;
/** Another project for every test. */
let name: string;

beforeAll(async () => {
  sample = await startSampleProjects();
});
afterAll(() => sample.close());
beforeEach(() => {
  count += 1;
  name = `removed-${count}`;
  sample.first.mode = 'up';
});

async function isGone(ref: ReturnType<typeof mainRef>, filename: string): Promise<boolean> {
  const fold = await sample.fold(ref);
  return isDeletedIn(fold, fileTag(filename)) && !fold.facts.has(fileTag(filename));
}

describe('a file', () => {
  it('is deleted alone, and again without an error', async () => {
    const [file, other] = [wheel(name, '1.0'), wheel(name, '1.0', 'py2-none-any')];
    await sample.publish(mainRef(name), file);
    await sample.publish(mainRef(name), other);

    const results = [await sample.management.removals.file(name, file.filename, CALL), await sample.management.removals.file(name, file.filename, CALL)];

    expect(results).toEqual([
      { name, removed: [file.filename] },
      { name, removed: [] },
    ]);
    expect(await isGone(mainRef(name), file.filename)).toBe(true);
    expect([...(await sample.fold(mainRef(name))).facts.keys()]).toEqual([fileTag(other.filename)]);
  });

  it('can never be published again', async () => {
    await sample.publish(mainRef(name), wheel(name, '1.0'));

    await sample.management.removals.file(name, wheel(name, '1.0').filename, CALL);

    await expect(sample.publish(mainRef(name), wheel(name, '1.0'))).rejects.toMatchObject({ code: 'conflict' });
  });

  it('that only upstream lists stays hidden', async () => {
    const file = wheel(name, '1.0');
    sample.first.put({ name, files: [{ file }] });

    const result = await sample.management.removals.file(name, file.filename, CALL);

    expect(result.removed).toEqual([file.filename]);
    expect(await isGone(mainRef(name), file.filename)).toBe(true);
    expect(await sample.ledger.ingest(mainRef(name), factOf(mainRef(name), file))).toBe('deleted');
  });

  it('that is held is deleted while upstream is down, wherever it may be listed', async () => {
    const file = wheel(name, '1.0');
    await sample.ingest(upstreamRef('other', name), file);
    sample.first.mode = 'error';

    await sample.management.removals.file(name, file.filename, CALL);

    expect(await isGone(upstreamRef('other', name), file.filename)).toBe(true);
    expect(await isGone(mainRef(name), file.filename)).toBe(true);
  });

  it.each([['x-1.0.tar.gz'], [''], ['\ud800']])('that is nowhere is not found: %j', async (filename) => {
    await sample.publish(mainRef(name), wheel(name, '1.0'));

    await expect(sample.management.removals.file(name, filename, CALL)).rejects.toMatchObject({ code: 'not-found' });
  });

  it('that only upstream could know is no 404 while upstream is down', async () => {
    sample.first.mode = 'error';

    await expect(sample.management.removals.file(name, 'x-1.0.tar.gz', CALL)).rejects.toMatchObject({ code: 'upstream-unavailable' });
  });
});

describe('a version', () => {
  it('is deleted with all its files, held and listed, however it is spelled', async () => {
    const [held, listed, other] = [wheel(name, '1.0'), wheel(name, '1.0.0', 'py2-none-any'), wheel(name, '1.1')];
    await sample.ingest(mainRef(name), held);
    sample.first.put({ name, files: [{ file: held }, { file: listed }, { file: other }] });

    const result = await sample.management.removals.version(name, '1', CALL);

    expect(result).toEqual({ name, removed: [listed.filename, held.filename].sort() });
    expect(await isGone(mainRef(name), held.filename)).toBe(true);
    expect(await isGone(mainRef(name), listed.filename)).toBe(true);
    expect(await isGone(mainRef(name), other.filename)).toBe(false);
    await expect(sample.management.removals.version(name, '1.0', CALL)).rejects.toMatchObject({ code: 'not-found' });
  });

  it('is deleted in every place', async () => {
    name = `merged-${count}`;
    const [published, pulled, mirrored] = [wheel(name, '1.0'), wheel(name, '1.0', 'py2-none-any'), wheel(name, '1.0', 'py2.py3-none-any')];
    await sample.ingest(mainRef(name), pulled);
    await sample.publish(publishedRef(name), published);
    sample.second.put({ name, files: [{ file: mirrored }] });

    const result = await sample.management.removals.version(name, '1.0', CALL);

    expect(result.removed).toEqual([published, pulled, mirrored].map(({ filename }) => filename).sort());
    expect(await isGone(mainRef(name), pulled.filename)).toBe(true);
    expect(await isGone(publishedRef(name), published.filename)).toBe(true);
    expect(await isGone(upstreamRef('other', name), mirrored.filename)).toBe(true);
  });

  it('is deleted in a quarantined project too, with what upstream lists', async () => {
    const file = wheel(name, '1.0');
    sample.first.put({ name, files: [{ file }] });
    await sample.management.statuses.set(name, { status: 'quarantined', reason: null }, CALL);

    expect((await sample.management.removals.version(name, '1.0', CALL)).removed).toEqual([file.filename]);
  });

  it('is deleted as far as it is known while upstream is down, and whoever asked is told that there may be more', async () => {
    const file = wheel(name, '1.0');
    await sample.ingest(mainRef(name), file);
    sample.first.mode = 'error';

    const removed = sample.management.removals.version(name, '1.0', CALL);

    await expect(removed).rejects.toMatchObject({ code: 'upstream-unavailable', message: expect.stringMatching(/^1 known files? (was|were) deleted, and upstream may list more/) as string });
    expect(await isGone(mainRef(name), file.filename)).toBe(true);
  });
});

describe('a project', () => {
  it('is deleted with all its files', async () => {
    const files = [wheel(name, '1.0'), wheel(name, '2.0')];
    for (const file of files) {
      await sample.publish(mainRef(name), file);
    }

    const result = await sample.management.removals.project(name, CALL);

    expect(result).toEqual({ name, removed: files.map(({ filename }) => filename) });
    expect((await sample.fold(mainRef(name))).facts.size).toBe(0);
  });

  it('that is nowhere is not found', async () => {
    await expect(sample.management.removals.project(name, CALL)).rejects.toMatchObject({ code: 'not-found' });
  });
});
