import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';

import { STATUS_KEY } from '../model/fold-keys.ts';
import { mainRef, publishedRef, upstreamRef } from '../model/holdings.ts';
import { ownStatus } from '../read/project-status.ts';
import { type SampleProjects, startSampleProjects, wheel } from './sample-projects.contract.ts';
import { STATUS_MARKERS } from './statuses.ts';

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
  name = `marked-${count}`;
  sample.first.mode = 'up';
});

it.each(STATUS_MARKERS)('a project becomes %s, once', async (status) => {
  await sample.publish(mainRef(name), wheel(name, '1.0'));
  const wanted = { status, reason: 'because' };

  const results = [await sample.management.statuses.set(name, wanted, CALL), await sample.management.statuses.set(name, wanted, CALL)];

  expect(results).toEqual([
    { name, ...wanted, changed: true },
    { name, ...wanted, changed: false },
  ]);
  expect(await sample.management.statuses.get(name)).toEqual(wanted);
  expect(ownStatus(await sample.fold(mainRef(name)))).toEqual(wanted);
  expect((await sample.fold(mainRef(name))).values.get(STATUS_KEY)?.by).toBe('carol');
});

it('a project of which nobody says anything is active', async () => {
  await sample.publish(mainRef(name), wheel(name, '1.0'));

  expect(await sample.management.statuses.get(name)).toEqual({ status: 'active', reason: null });
});

it('what is said here goes before what upstream says', async () => {
  sample.first.put({ name, files: [{ file: wheel(name, '1.0') }], status: { status: 'archived', reason: 'done' } });
  const before = await sample.management.statuses.get(name);

  await sample.management.statuses.set(name, { status: 'active', reason: '' }, CALL);

  expect(before).toEqual({ status: 'archived', reason: 'done' });
  expect(await sample.management.statuses.get(name)).toEqual({ status: 'active', reason: null });
});

it('a status is set in every place that the project has or can get', async () => {
  name = `merged-${count}`;
  await sample.ingest(mainRef(name), wheel(name, '1.0'));

  await sample.management.statuses.set(name, { status: 'quarantined', reason: null }, CALL);

  for (const ref of [mainRef(name), publishedRef(name), upstreamRef('other', name)]) {
    expect(ownStatus(await sample.fold(ref))).toEqual({ status: 'quarantined', reason: null });
  }
});

it('a project whose files were all deleted still has a status', async () => {
  await sample.publish(mainRef(name), wheel(name, '1.0'));
  await sample.management.removals.project(name, CALL);

  await sample.management.statuses.set(name, { status: 'archived', reason: null }, CALL);

  expect(await sample.management.statuses.get(name)).toMatchObject({ status: 'archived' });
});

it('a project that is nowhere has none, and gets none', async () => {
  await expect(sample.management.statuses.get(name)).rejects.toMatchObject({ code: 'not-found' });
  await expect(sample.management.statuses.set(name, { status: 'archived', reason: null }, CALL)).rejects.toMatchObject({ code: 'not-found' });
  expect((await sample.fold(mainRef(name))).values.size).toBe(0);
});

it('a project that only upstream could know is no 404 while upstream is down', async () => {
  sample.first.mode = 'error';

  await expect(sample.management.statuses.get(name)).rejects.toMatchObject({ code: 'upstream-unavailable' });
});

it('a reason that cannot be shown is refused', async () => {
  await sample.publish(mainRef(name), wheel(name, '1.0'));

  await expect(sample.management.statuses.set(name, { status: 'archived', reason: 'a\tb' }, CALL)).rejects.toMatchObject({ code: 'invalid' });
});
