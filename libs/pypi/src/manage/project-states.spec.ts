import { afterAll, beforeAll, expect, it } from 'vitest';

import { mainRef, publishedRef } from '../model/holdings.ts';
import { type SampleProjects, startSampleProjects, wheel } from './sample-projects.contract.ts';

const CALL = { by: 'carol' };

let sample: SampleProjects;

beforeAll(async () => {
  sample = await startSampleProjects();
});
afterAll(() => sample.close());

it('shows what is published here, from the oldest version to the newest', async () => {
  const files = ['1.10', '1.9', '1.9rc1'].map((version) => wheel('ours', version));
  for (const file of files) {
    await sample.publish(mainRef('ours'), file);
  }
  await sample.publish(mainRef('ours'), wheel('ours', '1.9', 'py2-none-any'));
  await sample.management.yanks.yank('ours', { filename: wheel('ours', '1.9').filename }, { ...CALL, reason: '' });
  await sample.management.yanks.yank('ours', { version: '1.10' }, { ...CALL, reason: 'broken' });
  await sample.management.removals.version('ours', '1.9rc1', CALL);
  await sample.management.statuses.set('ours', { status: 'deprecated', reason: 'use theirs' }, CALL);

  const state = await sample.management.states.get('ours');

  const common = { uploadTime: '2026-01-02T03:04:05Z', held: true, origin: 'published' };
  const [newest, middle] = files;
  const other = wheel('ours', '1.9', 'py2-none-any');
  expect(state).toEqual({
    name: 'ours',
    status: { status: 'deprecated', reason: 'use theirs' },
    origin: 'published',
    versions: [
      {
        version: '1.9',
        yanked: null,
        files: [
          { filename: other.filename, size: other.bytes.length, sha256: other.sha256, yanked: null, ...common },
          { filename: middle?.filename, size: middle?.bytes.length, sha256: middle?.sha256, yanked: '', ...common },
        ],
      },
      { version: '1.10', yanked: 'broken', files: [{ filename: newest?.filename, size: newest?.bytes.length, sha256: newest?.sha256, yanked: 'broken', ...common }] },
    ],
    deleted: 1,
  });
});

it('shows what is held and what is only listed, with what upstream says of it', async () => {
  const [held, listed] = [wheel('theirs', '1.0'), wheel('theirs', '1.0.0', 'py2-none-any')];
  await sample.ingest(mainRef('theirs'), held);
  sample.first.put({ name: 'theirs', files: [{ file: held, yanked: 'bad' }, { file: listed, yanked: true }], status: { status: 'archived' } });

  const state = await sample.management.states.get('theirs');

  expect(state).toMatchObject({ origin: 'upstream', status: { status: 'archived', reason: null }, deleted: 0 });
  expect(state.versions).toHaveLength(1);
  expect(state.versions[0]).toMatchObject({
    yanked: 'bad',
    files: [
      { filename: held.filename, held: true, origin: 'upstream', yanked: 'bad' },
      { filename: listed.filename, held: false, origin: 'upstream', yanked: '' },
    ].sort((left, right) => (left.filename < right.filename ? -1 : 1)),
  });
});

it('shows both sides of a merged project, and ours where both have a file of one name', async () => {
  const both = wheel('merged', '1.0');
  await sample.ingest(mainRef('merged'), wheel('merged', '0.9'));
  await sample.publish(publishedRef('merged'), both);
  sample.first.put({ name: 'merged', files: [{ file: both, yanked: 'theirs' }] });

  const state = await sample.management.states.get('merged');

  expect(state.origin).toBe('merged');
  expect(state.versions.map(({ version, files }) => [version, files.map(({ origin, yanked }) => [origin, yanked])])).toEqual([
    ['0.9', [['upstream', null]]],
    ['1.0', [['published', null]]],
  ]);
});

it('puts files without a version first', async () => {
  sample.first.put({ name: 'odd', files: [{ file: wheel('odd', '1.0') }, { file: { ...wheel('odd', '1.0'), filename: 'odd.zip' } }] });

  expect((await sample.management.states.get('odd')).versions.map(({ version }) => version)).toEqual([null, '1.0']);
});

it('knows no project that is nowhere', async () => {
  await expect(sample.management.states.get('nobody')).rejects.toMatchObject({ code: 'not-found' });
});

it('shows what is held while upstream is down', async () => {
  await sample.ingest(mainRef('kept'), wheel('kept', '1.0'));
  sample.first.mode = 'error';

  const state = await sample.management.states.get('kept');
  sample.first.mode = 'up';

  expect(state.versions).toHaveLength(1);
});
