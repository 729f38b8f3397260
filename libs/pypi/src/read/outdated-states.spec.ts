import { type PackageFile, type PypiUpstream, startPypiUpstream } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { type SampleProjects, startSampleProjects, wheel } from './sample-projects.contract.ts';

const FILE = wheel('warned', '1.0');
const OTHER = wheel('warned', '2.0');

let upstream: PypiUpstream;
let sample: SampleProjects;

beforeEach(async () => {
  upstream = await startPypiUpstream([{ name: 'warned', files: [{ file: FILE }, { file: OTHER }] }], { links: 'relative' });
  sample = await startSampleProjects({ defaultUrl: upstream.url });
  await sample.bytes('warned', FILE.filename);
  await vi.waitFor(() => expect(sample.jobs).toHaveLength(1));
  await sample.ingest();
});
afterEach(async () => {
  await sample.close();
  await upstream.close();
});

/** What is shown, and whether the file is handed out, by a process that starts when upstream is off. */
async function withoutUpstream(): Promise<{ readonly yanked: string | null | undefined; readonly status: string | undefined; readonly file: string }> {
  const later = await startSampleProjects({ defaultUrl: null, stored: sample.stored });
  try {
    const page = await later.page('warned');
    const file = await later.bytes('warned', FILE.filename).then((bytes) => (bytes?.equals(FILE.bytes) === true ? 'served' : 'other'), (error: { readonly code: string }) => error.code);
    return { yanked: page?.files.find(({ filename }) => filename === FILE.filename)?.yanked, status: page?.status?.status, file };
  } finally {
    await later.close();
  }
}

async function jobsOfPage(): Promise<number> {
  await sample.page('warned');
  // Nobody waits for what is handed in.
  await sample.settled();
  return sample.jobs.length;
}

describe('what upstream warns of after a file was stored', () => {
  it.each<[string, Parameters<PypiUpstream['put']>[0], Awaited<ReturnType<typeof withoutUpstream>>]>([
    ['a yank', { name: 'warned', files: [{ file: FILE, yanked: 'bad' }, { file: OTHER }] }, { yanked: 'bad', status: undefined, file: 'served' }],
    ['a quarantine that shows no files', { name: 'warned', files: [], status: { status: 'quarantined', reason: 'malware' } }, { yanked: undefined, status: 'quarantined', file: 'policy' }],
    ['a deprecation', { name: 'warned', files: [{ file: FILE }], status: { status: 'deprecated' } }, { yanked: null, status: 'deprecated', file: 'served' }],
  ])('is known when upstream is off later: %s', async (_what, project, expected) => {
    upstream.put(project);

    await sample.page('warned');
    await vi.waitFor(() => expect(sample.jobs).toHaveLength(1));
    await sample.ingest();

    expect(await withoutUpstream()).toEqual(expected);
    expect(upstream.requests.filter((path) => path.endsWith('.whl'))).toHaveLength(1);
  });

  it('is handed in once, and not again when it is known', async () => {
    upstream.put({ name: 'warned', files: [{ file: FILE, yanked: 'bad' }] });

    const first = await jobsOfPage();
    await sample.ingest();
    const again = await startSampleProjects({ defaultUrl: upstream.url, stored: sample.stored });
    await again.page('warned');
    await again.settled();
    const later = again.jobs.length;
    await again.close();

    expect([first, later]).toEqual([1, 0]);
  });

  it.each<[string, readonly { readonly file: PackageFile; readonly yanked?: string }[]]>([
    ['nothing', [{ file: FILE }, { file: OTHER }]],
    ['a file that is not held', [{ file: FILE }, { file: OTHER, yanked: 'bad' }]],
  ])('costs no job where it is %s', async (_what, files) => {
    upstream.put({ name: 'warned', files: [...files, { file: wheel('warned', '3.0') }] });

    expect(await jobsOfPage()).toBe(0);
  });
});

it('is looked at without an end to any page', async () => {
  upstream.put({ name: 'warned', files: [{ file: FILE, yanked: 'bad' }] });
  const failing = await startSampleProjects({ defaultUrl: upstream.url, stored: sample.stored, queueFails: true });

  const page = await failing.page('warned');
  await vi.waitFor(() => expect(failing.log.map(({ message }) => message)).toContainEqual(expect.stringContaining('could not be handed in')));
  await failing.close();

  expect(page?.files[0]?.yanked).toBe('bad');
});
