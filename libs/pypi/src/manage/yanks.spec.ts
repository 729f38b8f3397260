import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { yankedFileKey, yankedVersionKey } from '../model/fold-keys.ts';
import { mainRef, publishedRef, upstreamRef } from '../model/holdings.ts';
import { type SampleProjects, startSampleProjects, wheel } from './sample-projects.contract.ts';

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
  name = `yanked-${count}`;
  sample.first.mode = 'up';
});

async function valueOf(ref: ReturnType<typeof mainRef>, key: string): Promise<unknown> {
  const value = (await sample.fold(ref)).values.get(key);
  return value === undefined ? undefined : { value: value.value, by: value.by };
}

describe('a version', () => {
  it.each([['1.0.0'], ['1'], ['v1.0'], ['1.0']])('is yanked however it is spelled: %s', async (version) => {
    await sample.publish(mainRef(name), wheel(name, '1.0'));

    const result = await sample.management.yanks.yank(name, { version }, { ...CALL, reason: 'broken' });

    expect(result).toEqual({ name, version, filename: null, yanked: 'broken', changed: true });
    expect(await valueOf(mainRef(name), yankedVersionKey('1'))).toEqual({ value: 'broken', by: 'carol' });
  });

  it('is yanked without a reason, and with another one', async () => {
    await sample.publish(mainRef(name), wheel(name, '1.0'));

    await sample.management.yanks.yank(name, { version: '1.0' }, { ...CALL, reason: '' });
    expect(await valueOf(mainRef(name), yankedVersionKey('1'))).toMatchObject({ value: '' });
    await sample.management.yanks.yank(name, { version: '1.0' }, { ...CALL, reason: 'b' });

    expect(await valueOf(mainRef(name), yankedVersionKey('1'))).toMatchObject({ value: 'b' });
  });

  it('is yanked twice and unyanked twice, and written once each', async () => {
    await sample.publish(mainRef(name), wheel(name, '1.0'));
    const target = { version: '1.0' };
    const { yanks } = sample.management;

    const changed = [
      await yanks.unyank(name, target, CALL),
      await yanks.yank(name, target, { ...CALL, reason: 'a' }),
      await yanks.yank(name, target, { ...CALL, reason: 'a' }),
      await yanks.unyank(name, target, CALL),
      await yanks.unyank(name, target, CALL),
    ].map((result) => result.changed);

    expect(changed).toEqual([false, true, false, true, false]);
    expect((await sample.fold(mainRef(name))).sequence).toBe(2);
    expect(await valueOf(mainRef(name), yankedVersionKey('1'))).toMatchObject({ value: null });
  });

  it('is yanked that only upstream lists', async () => {
    sample.first.put({ name, files: [{ file: wheel(name, '2.0') }] });

    await sample.management.yanks.yank(name, { version: '2' }, { ...CALL, reason: 'a' });

    expect(await valueOf(mainRef(name), yankedVersionKey('2'))).toMatchObject({ value: 'a' });
    expect((await sample.fold(mainRef(name))).origin).toBeNull();
  });

  it('is yanked where it is, and nowhere else', async () => {
    await sample.ingest(mainRef(name), wheel(name, '1.0'));
    sample.first.put({ name, files: [{ file: wheel(name, '1.0') }] });
    sample.second.put({ name, files: [{ file: wheel(name, '1.0', 'py2-none-any') }, { file: wheel(name, '2.0') }] });

    await sample.management.yanks.yank(name, { version: '1.0' }, { ...CALL, reason: 'a' });
    await sample.management.yanks.yank(name, { version: '2.0' }, { ...CALL, reason: 'b' });

    expect([...(await sample.fold(mainRef(name))).values.keys()]).toEqual([yankedVersionKey('1')]);
    expect([...(await sample.fold(upstreamRef('other', name))).values.keys()].sort()).toEqual([yankedVersionKey('1'), yankedVersionKey('2')]);
  });

  it('of a merged project is yanked among what is published beside it', async () => {
    name = `merged-${count}`;
    await sample.ingest(mainRef(name), wheel(name, '1.0'));
    await sample.publish(publishedRef(name), wheel(name, '1.0', 'py2-none-any'));
    sample.first.put({ name, files: [{ file: wheel(name, '1.0') }] });

    await sample.management.yanks.yank(name, { version: '1.0' }, { ...CALL, reason: 'a' });

    expect(await valueOf(mainRef(name), yankedVersionKey('1'))).toMatchObject({ value: 'a' });
    expect(await valueOf(publishedRef(name), yankedVersionKey('1'))).toMatchObject({ value: 'a' });
  });

  it.each([
    ['after what was pulled through', publishedRef, 'ingest'],
    ['before it', mainRef, 'publish'],
  ] as const)('of a merged project that only upstream has is yanked among what is published %s later', async (_when, refOf, first) => {
    name = `merged-${count}`;
    await sample[first](mainRef(name), wheel(name, '0.9'));
    sample.first.put({ name, files: [{ file: wheel(name, '1.0') }] });

    await sample.management.yanks.yank(name, { version: '1.0' }, { ...CALL, reason: 'a' });
    await sample.publish(refOf(name), wheel(name, '1.0', 'py2-none-any'));

    expect(await valueOf(refOf(name), yankedVersionKey('1'))).toMatchObject({ value: 'a' });
  });

  it('of a merged project of which nothing was decided stays yanked when a publish takes the main place', async () => {
    name = `merged-${count}`;
    sample.first.put({ name, files: [{ file: wheel(name, '1.0') }] });

    await sample.management.yanks.yank(name, { version: '1.0' }, { ...CALL, reason: 'a' });
    await sample.publish(mainRef(name), wheel(name, '9.0'));

    expect(await valueOf(upstreamRef('default', name), yankedVersionKey('1'))).toMatchObject({ value: 'a' });
  });

  it('is unyanked that upstream has no more', async () => {
    sample.first.put({ name, files: [{ file: wheel(name, '1.0') }] });
    await sample.management.yanks.yank(name, { version: '1.0' }, { ...CALL, reason: 'a' });
    sample.first.projects.delete(name);

    const result = await sample.management.yanks.unyank(name, { version: '1.0' }, CALL);

    expect(result.changed).toBe(true);
    await expect(sample.management.yanks.unyank(name, { version: '1.0' }, CALL)).rejects.toMatchObject({ code: 'not-found' });
  });

  it('that is held is yanked while upstream is down', async () => {
    await sample.ingest(mainRef(name), wheel(name, '1.0'));
    sample.first.mode = 'error';

    await sample.management.yanks.yank(name, { version: '1.0' }, { ...CALL, reason: 'a' });

    expect(await valueOf(mainRef(name), yankedVersionKey('1'))).toMatchObject({ value: 'a' });
  });

  it('that only upstream could know is no 404 while upstream is down', async () => {
    sample.first.mode = 'error';

    await expect(sample.management.yanks.yank(name, { version: '1.0' }, { ...CALL, reason: '' })).rejects.toMatchObject({ code: 'upstream-unavailable' });
  });
});

describe('a file', () => {
  it('is yanked alone', async () => {
    const [file, other] = [wheel(name, '1.0'), wheel(name, '1.0', 'py2-none-any')];
    await sample.publish(mainRef(name), file);
    await sample.publish(mainRef(name), other);

    const result = await sample.management.yanks.yank(name, { filename: file.filename }, { ...CALL, reason: 'a' });

    expect(result).toEqual({ name, version: null, filename: file.filename, yanked: 'a', changed: true });
    expect([...(await sample.fold(mainRef(name))).values.keys()]).toEqual([yankedFileKey(file.filename)]);
  });
});

it.each([
  ['a version that is not there', { version: '1.1' }],
  ['a version that is another one', { version: '1.0+local' }],
  ['a file that is not there', { filename: 'x-1.0.tar.gz' }],
  ['no version', { version: '' }],
])('%s is not found', async (_what, target) => {
  await sample.publish(mainRef(name), wheel(name, '1.0'));

  const yanked = sample.management.yanks.yank(name, target, { ...CALL, reason: '' });

  await expect(yanked).rejects.toMatchObject({ code: 'not-found' });
  expect((await sample.fold(mainRef(name))).values.size).toBe(0);
});

it.each([['a\nb'], ['\u0000'], ['x'.repeat(1001)], ['\ud800'], ['\u0085']])('a reason that cannot be shown is refused: %j', async (reason) => {
  await sample.publish(mainRef(name), wheel(name, '1.0'));

  await expect(sample.management.yanks.yank(name, { version: '1.0' }, { ...CALL, reason })).rejects.toMatchObject({ code: 'invalid' });
});

it('a reason of 1000 characters is taken', async () => {
  await sample.publish(mainRef(name), wheel(name, '1.0'));

  expect((await sample.management.yanks.yank(name, { version: '1.0' }, { ...CALL, reason: 'ß'.repeat(1000) })).changed).toBe(true);
});

it.each([['private-a'], ['ours']])('upstream is never told a name that is ours: %s', async (ours) => {
  await sample.publish(mainRef(ours), wheel(ours, '1.0'));

  await sample.management.yanks.yank(ours, { version: '1.0' }, { ...CALL, reason: '' });

  expect([...sample.first.requests, ...sample.second.requests].filter((path) => path.includes(ours))).toEqual([]);
});
