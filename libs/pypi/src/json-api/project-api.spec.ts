import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { ProxyError } from '@oci-package-proxy/errors';
import { type PackageFile, type PypiUpstream, sdistFile, startPypiUpstream, wheelFile } from '@oci-package-proxy/testing';

import { STATUS_KEY, yankedVersionKey } from '../model/fold-keys.ts';
import { mainRef } from '../model/holdings.ts';
import type { ProjectFile, ProjectPage } from '../model/project-page.ts';
import { fileUrlsIn } from '../pages/file-urls.ts';
import { type SampleProjects, startSampleProjects } from '../read/sample-projects.contract.ts';
import { type ApiReader, ProjectApi } from './project-api.ts';

const BASE = 'https://index.example.com/pypi';
const EXTRA = [
  'Summary: A sample',
  'Home-page: https://home.example.com',
  'Project-URL: Source, https://git.example.com/sample',
  'Project-URL: Changelog, https://git.example.com/sample/changes',
  'Classifier: Programming Language :: Python :: 3',
];

interface Shown {
  readonly info: Readonly<Record<string, unknown>>;
  readonly releases?: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;
  readonly urls: readonly Readonly<Record<string, unknown>>[];
  readonly vulnerabilities: readonly unknown[];
}

let upstream: PypiUpstream;
let sample: SampleProjects;
let count = 0;
/** Another project for every test. */
let name: string;

beforeAll(async () => {
  upstream = await startPypiUpstream([], { links: 'relative' });
  sample = await startSampleProjects({ defaultUrl: upstream.url });
});
afterAll(async () => {
  await sample.close();
  await upstream.close();
});
beforeEach(() => {
  count += 1;
  name = `sample-${count}`;
  upstream.mode = 'up';
});

function wheel(version: string, more: Partial<Parameters<typeof wheelFile>[0]> = {}): PackageFile {
  return wheelFile({ name: name.toUpperCase(), version, extraMetadata: EXTRA, requires: ['other>=1'], description: '# Sample', ...more });
}

async function bytesOf(version: string | null, reader: ApiReader = sample.projects): Promise<Buffer | null> {
  const urls = { ...fileUrlsIn(`${BASE}/files/${name}`), project: (of: string) => `${BASE}/simple/${of}/` };
  return (await new ProjectApi({ reader }).get(sample.index, name, version, urls))?.bytes() ?? null;
}

function heldFile(filename: string): ProjectFile {
  return { filename, version: filename.slice('sample-'.length, -'.tar.gz'.length), hashes: {}, size: 1, uploadTime: null, requiresPython: null, yanked: null, metadataSha256: null, hasProvenance: false, gpgSignature: null };
}

async function shown(version: string | null = null, reader?: ApiReader): Promise<Shown> {
  return JSON.parse((await bytesOf(version, reader))?.toString() ?? 'null') as Shown;
}

describe('a project that is published here', () => {
  it('tells of itself what the metadata of its newest stable version does', async () => {
    await sample.publish(mainRef(name), wheel('1.0', { extraMetadata: ['Summary: old'] }));
    await sample.publish(mainRef(name), wheel('1.1'));
    await sample.publish(mainRef(name), wheel('2.0rc1', { extraMetadata: ['Summary: new'] }));

    const { info, urls, releases, vulnerabilities } = await shown();

    expect(info).toMatchObject({
      name: name.toUpperCase(),
      version: '1.1',
      summary: 'A sample',
      home_page: 'https://home.example.com',
      project_urls: { Source: 'https://git.example.com/sample', Changelog: 'https://git.example.com/sample/changes', Homepage: 'https://home.example.com' },
      classifiers: ['Programming Language :: Python :: 3'],
      requires_dist: ['other>=1'],
      requires_python: '>=3.9',
      description: expect.stringContaining('# Sample') as string,
      package_url: `${BASE}/simple/${name}/`,
      project_url: `${BASE}/simple/${name}/`,
      release_url: `${BASE}/simple/${name}/1.1/`,
      yanked: false,
      yanked_reason: null,
    });
    expect(Object.keys(releases ?? {})).toEqual(['1.0', '1.1', '2.0rc1']);
    expect(urls).toEqual(releases?.['1.1']);
    expect(vulnerabilities).toEqual([]);
  });

  it('tells what Renovate and Dependabot read of its releases', async () => {
    const [first, second] = [wheel('1.0'), wheel('1.1')];
    await sample.publish(mainRef(name), first);
    await sample.publish(mainRef(name), second);
    await sample.record(mainRef(name), yankedVersionKey('1'), 'broken');

    const { releases } = await shown();

    expect(releases?.['1.0']).toMatchObject([
      { filename: first.filename, upload_time_iso_8601: '2026-01-02T03:04:05Z', upload_time: '2026-01-02T03:04:05', yanked: true, yanked_reason: 'broken', requires_python: '>=3.9', digests: { sha256: first.sha256 } },
    ]);
    expect(releases?.['1.1']).toMatchObject([{ filename: second.filename, yanked: false, size: second.bytes.length, url: `${BASE}/files/${name}/${second.filename}` }]);
  });

  it('takes the metadata of a source distribution where there is no wheel', async () => {
    await sample.publish(mainRef(name), sdistFile({ name, version: '1.0', extraMetadata: EXTRA }));

    expect((await shown()).info).toMatchObject({ version: '1.0', summary: 'A sample' });
  });

  it.each([['1.0'], ['1'], ['1.0.0'], ['v1.0']])('shows version %s, without the other releases', async (version) => {
    const file = wheel('1.0', { extraMetadata: ['Summary: this one'] });
    await sample.publish(mainRef(name), file);
    await sample.publish(mainRef(name), wheel('1.1'));

    const document = await shown(version);

    expect(document.info).toMatchObject({ version: '1.0', summary: 'this one' });
    expect(document.urls).toMatchObject([{ filename: file.filename }]);
    expect(document.releases).toBeUndefined();
  });

  it('tells that a version was yanked, and why', async () => {
    await sample.publish(mainRef(name), wheel('1.0'));
    await sample.record(mainRef(name), yankedVersionKey('1'), 'broken');

    expect((await shown()).info).toMatchObject({ version: '1.0', yanked: true, yanked_reason: 'broken' });
  });

  it('offers no files in quarantine', async () => {
    await sample.publish(mainRef(name), wheel('1.0'));
    await sample.record(mainRef(name), STATUS_KEY, { status: 'quarantined', reason: null });

    const { info, urls, releases } = await shown();

    expect(info).toMatchObject({ name, version: null });
    expect([urls, Object.values(releases ?? {}).flat()]).toEqual([[], []]);
  });

  it('keeps its releases in order, whatever they are called', async () => {
    for (const version of ['2024', '1.0', '7']) {
      await sample.publish(mainRef(name), wheel(version));
    }

    const text = (await bytesOf(null))?.toString() ?? '';

    expect(['"1.0":[', '"7":[', '"2024":['].map((key) => text.indexOf(key)).toSorted((a, b) => a - b)).toEqual(['"1.0":[', '"7":[', '"2024":['].map((key) => text.indexOf(key)));
    expect(text).toContain('"2024":[');
  });
});

describe('a project of upstream', () => {
  it('is shown with what its page and the metadata of a wheel say, and downloads no file', async () => {
    const file = wheel('1.0');
    upstream.put({ name, files: [{ file: sdistFile({ name, version: '1.0' }) }, { file, requiresPython: '>=3.10', uploadTime: '2024-02-03T04:05:06.123456Z' }] });

    const { info, urls } = await shown();

    expect(info).toMatchObject({ name: name.toUpperCase(), summary: 'A sample', requires_python: '>=3.10' });
    expect(urls).toHaveLength(2);
    expect(urls[1]).toMatchObject({ upload_time: '2024-02-03T04:05:06', upload_time_iso_8601: '2024-02-03T04:05:06.123456Z', packagetype: 'bdist_wheel' });
    expect(upstream.requests.filter((path) => path.endsWith('.whl') || path.endsWith('.tar.gz'))).toEqual([]);
  });

  it.each([
    ['is not announced', { metadata: 'none' }],
    ['is announced, and neither served nor in a wheel that can be had', { metadata: 'missing', fault: 'truncated' }],
  ] as const)('is shown with its name and version where its metadata %s', async (_what, more) => {
    upstream.put({ name, files: [{ file: wheel('1.0'), ...more }] });

    expect((await shown()).info).toMatchObject({ name, version: '1.0', summary: null, project_urls: null });
  });

  it('is described by its smallest wheels, and asks no more than two for their metadata', async () => {
    const [small, middle, big] = [0, 1000, 2000].map((padding, index) => wheel('1.0', { padding, tag: `py3-none-any${index}`, extraMetadata: [`Summary: ${index}`] }));
    const asked: string[] = [];
    const nothing: ApiReader = {
      page: async (...args) => sample.projects.page(...args),
      metadata: async (_index, _name, filename) => (asked.push(filename), Promise.reject(new ProxyError('integrity', 'not what was announced'))),
      description: async (_index, _name, filename) => (asked.push(filename), Promise.resolve(null)),
    };
    for (const file of [big, middle, small]) {
      await sample.publish(mainRef(name), file ?? wheel('9.9'));
    }

    expect((await shown()).info).toMatchObject({ summary: '0' });
    expect((await shown(null, nothing)).info).toMatchObject({ name, version: '1.0', summary: null });
    expect(asked).toEqual([small?.filename, middle?.filename]);
  });
});

it.each([[null], ['1.0']])('nothing is nothing: version %j', async (version) => {
  expect(await bytesOf(version)).toBeNull();
});

it('another version is nothing', async () => {
  await sample.publish(mainRef(name), wheel('1.0'));

  expect(await bytesOf('1.1')).toBeNull();
});

it('an upstream that is down is no 404', async () => {
  upstream.mode = 'error';

  await expect(bytesOf(null)).rejects.toMatchObject({ code: 'upstream-unavailable' });
});

it('a client that leaves while metadata is read ends it', async () => {
  await sample.publish(mainRef(name), wheel('1.0'));
  const leaving: ApiReader = { page: async (...args) => sample.projects.page(...args), metadata: async () => Promise.reject(new ProxyError('aborted', 'gone')), description: async () => Promise.resolve(null) };

  await expect(bytesOf(null, leaving)).rejects.toMatchObject({ code: 'aborted' });
});

it('is not made of thousands of files again where nothing changed', async () => {
  const files = Array.from({ length: 100 }, (_, index) => heldFile(`sample-${index}.0.tar.gz`));
  let reads = 0;
  const page: ProjectPage = { name, status: null, files, get versions() { reads += 1; return []; } };
  const api = new ProjectApi({ reader: { page: async () => Promise.resolve({ page, revision: 'one' }), metadata: async () => Promise.resolve(null), description: async () => Promise.resolve(null) } });
  const named: string[] = [];
  const urls = { file: ({ filename }: ProjectFile): string => `${BASE}/${named[named.push(filename) - 1]}`, provenance: () => BASE, project: () => BASE };

  const first = await api.get(sample.index, name, null, urls);
  const again = await api.get(sample.index, name, null, urls);

  expect(again?.revision).toBe(first?.revision);
  expect([reads, new Set(named).size]).toEqual([1, 1]);
  expect(again?.bytes()).toEqual(first?.bytes());
  expect(new Set(named).size).toBe(100);
});

it('the revision is another one if and only if the document is', async () => {
  await sample.publish(mainRef(name), wheel('1.0'));
  const api = new ProjectApi({ reader: sample.projects });
  const urls = { ...fileUrlsIn(`${BASE}/files/${name}`), project: (of: string) => `${BASE}/simple/${of}/` };
  const revision = async (version: string | null): Promise<string | undefined> => (await api.get(sample.index, name, version, urls))?.revision;

  const [before, again, ofVersion] = [await revision(null), await revision(null), await revision('1.0')];
  await sample.record(mainRef(name), yankedVersionKey('1'), '');

  expect(again).toBe(before);
  expect(new Set([before, ofVersion, await revision(null)]).size).toBe(3);
});
