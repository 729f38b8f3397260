import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';

import { type PypiUpstream, startPypiUpstream } from '@oci-package-proxy/testing';

import { mainRef, publishedRef } from '../model/holdings.ts';
import { type SampleProjects, startSampleProjects, wheel } from '../read/sample-projects.contract.ts';
import { createManagement, type Management } from './management.ts';

const CALL = { by: 'carol' };
const QUARANTINED = { status: 'quarantined', reason: 'malware' } as const;

let first: PypiUpstream;
let second: PypiUpstream;
let sample: SampleProjects;
let management: Management;
let count = 0;
/** Another project for every test. */
let name: string;

beforeAll(async () => {
  [first, second] = [await startPypiUpstream([], { links: 'relative' }), await startPypiUpstream([], { links: 'relative' })];
  sample = await startSampleProjects({
    defaultUrl: first.url,
    upstreams: { other: second.url },
    indexes: { default: { upstreams: ['default'], merge: ['merged-*'] }, mirror: { published: false, upstreams: ['other'] } },
  });
  management = createManagement({ ledger: sample.ledger, indexes: sample.indexes });
});
afterAll(async () => {
  await sample.close();
  await Promise.all([first.close(), second.close()]);
});
beforeEach(() => {
  count += 1;
  name = `managed-${count}`;
  first.mode = 'up';
});

async function yanks(index = 'default'): Promise<Readonly<Record<string, string | null>> | null> {
  const page = await sample.page(name, index);
  return page === null ? null : Object.fromEntries(page.files.map(({ version, yanked }) => [version, yanked]));
}

it('a yank is shown, and so is its end', async () => {
  await sample.publish(mainRef(name), wheel(name, '1.0'));
  await sample.publish(mainRef(name), wheel(name, '2.0'));

  await management.yanks.yank(name, { version: '1' }, { ...CALL, reason: 'broken' });
  expect(await yanks()).toEqual({ '1.0': 'broken', '2.0': null });
  await management.yanks.unyank(name, { version: '1.0.0' }, CALL);

  expect(await yanks()).toEqual({ '1.0': null, '2.0': null });
});

it('what is only listed is shown as yanked in every index that lists it', async () => {
  first.put({ name, files: [{ file: wheel(name, '1.0') }] });
  second.put({ name, files: [{ file: wheel(name, '1.0') }, { file: wheel(name, '1.1') }] });

  await management.yanks.yank(name, { version: '1.0' }, { ...CALL, reason: '' });

  expect(await yanks()).toEqual({ '1.0': '' });
  expect(await yanks('mirror')).toEqual({ '1.0': '', '1.1': null });
});

it('what upstream yanked stays yanked', async () => {
  first.put({ name, files: [{ file: wheel(name, '1.0'), yanked: 'theirs' }] });
  await management.yanks.yank(name, { version: '1.0' }, { ...CALL, reason: 'ours' });
  const before = await yanks();

  await management.yanks.unyank(name, { version: '1.0' }, CALL);

  expect([before, await yanks()]).toEqual([{ '1.0': 'ours' }, { '1.0': 'theirs' }]);
});

it('a blocked version of upstream is in no index, and its file cannot be had', async () => {
  const file = wheel(name, '1.0');
  first.put({ name, files: [{ file }, { file: wheel(name, '1.1') }] });
  second.put({ name, files: [{ file }] });
  await sample.bytes(name, file.filename);

  await management.removals.version(name, '1.0', CALL);

  expect(await sample.ingest()).toEqual(['deleted']);
  expect(await yanks()).toEqual({ '1.1': null });
  expect((await yanks('mirror')) ?? {}).toEqual({});
  expect(await sample.bytes(name, file.filename)).toBeNull();
  expect(await sample.bytes(name, file.filename, 'mirror')).toBeNull();
});

it('what is yanked and blocked of a merged project before anything was decided stays so when a publish takes the name', async () => {
  name = `merged-${count}`;
  first.put({ name, files: [{ file: wheel(name, '1.0') }, { file: wheel(name, '1.1') }] });
  await management.removals.version(name, '1.0', CALL);
  await management.yanks.yank(name, { version: '1.1' }, { ...CALL, reason: 'bad' });

  await sample.publish(mainRef(name), wheel(name, '2.0'));

  expect(await yanks()).toEqual({ '1.1': 'bad', '2.0': null });
});

it('a quarantine hides everything in every index, until it is lifted', async () => {
  name = `merged-${count}`;
  await sample.publish(mainRef(name), wheel(name, '2.0'));
  first.put({ name, files: [{ file: wheel(name, '1.0') }] });
  second.put({ name, files: [{ file: wheel(name, '1.0') }] });

  await management.statuses.set(name, QUARANTINED, CALL);

  for (const index of ['default', 'mirror']) {
    expect((await sample.page(name, index))?.status ?? QUARANTINED).toEqual(QUARANTINED);
    expect((await yanks(index)) ?? {}).toEqual({});
  }
  await management.statuses.set(name, { status: 'active', reason: null }, CALL);
  expect(await yanks()).toEqual({ '1.0': null, '2.0': null });
});

it('a quarantine holds for what is published or listed later', async () => {
  name = `merged-${count}`;
  first.put({ name, files: [{ file: wheel(name, '1.0') }] });
  await management.statuses.set(name, QUARANTINED, CALL);

  await sample.publish(publishedRef(name), wheel(name, '2.0'));
  second.put({ name, files: [{ file: wheel(name, '3.0') }] });

  expect((await yanks()) ?? {}).toEqual({});
  expect((await yanks('mirror')) ?? {}).toEqual({});
});

it('everything that is published here is deleted, and upstream is still not asked for the name', async () => {
  await sample.publish(mainRef(name), wheel(name, '1.0'));

  await management.removals.project(name, CALL);

  expect(await sample.page(name)).toBeNull();
  expect([...first.requests, ...second.requests].filter((path) => path.includes(name))).toEqual([]);
});
