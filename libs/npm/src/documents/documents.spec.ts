import { describe, expect, it } from 'vitest';

import { runTask, upstreamStateOf } from './document-task.ts';
import { DocumentWorkshop } from './document-workshop.ts';
import { repairedDistTags } from './latest.ts';

const BASE = 'http://registry.example.com/npm';

const PACKUMENT = {
  _id: 'sample',
  _rev: '7-x',
  name: 'sample',
  readme: '# Sample',
  'dist-tags': { latest: '2.0.0', __proto__: 1 },
  versions: {
    '1.0.0': {
      name: 'sample',
      version: '1.0.0',
      _id: 'sample@1.0.0',
      readme: 'never shown short',
      deprecated: 'old',
      libc: ['glibc'],
      _npmUser: { name: 'ann', trustedPublisher: { id: 'ci' } },
      scripts: { postinstall: 'node x.js', test: 'x' },
      dist: { tarball: 'https://files.example.com/sample/-/sample-1.0.0.tgz', integrity: 'sha512-AAAA', signatures: [{ keyid: 'k', sig: 's' }], attestations: { url: 'https://up.example.com/-/npm/v1/attestations/sample@1.0.0', provenance: { predicateType: 'p' } } },
    },
    '2.0.0': { name: 'sample', version: '2.0.0', deprecated: false, scripts: { test: 'x' }, dist: { tarball: 'https://files.example.com/sample/-/odd.tgz', shasum: 'a'.repeat(40) } },
    broken: null,
  },
  time: { created: '2020-01-01T00:00:00.000Z', modified: '2021-01-01T00:00:00.000Z', '1.0.0': '2020-01-01T00:00:00.000Z', '2.0.0': '2021-01-01T00:00:00.000Z', '3.0.0': 5 },
};
const bytes = Buffer.from(JSON.stringify(PACKUMENT));

function shown(form: 'full' | 'abbreviated', overlay: { hidden?: string[]; pinned?: { version: string; document: string; file: string }[] } = {}): Record<string, unknown> {
  const source = { kind: 'upstream', name: 'sample', bytes, overlay: { hidden: [], pinned: [], ...overlay } } as const;
  const result = runTask({ kind: 'render', source, form: { kind: form }, base: BASE });
  return JSON.parse(Buffer.from(result?.document?.bytes ?? []).toString()) as Record<string, unknown>;
}

describe('an upstream document', () => {
  it('is shown whole, with the addresses of files changed and signatures kept', () => {
    const full = shown('full');

    expect(full).toMatchObject({ _id: 'sample', name: 'sample', readme: '# Sample', 'dist-tags': { latest: '2.0.0' } });
    expect(full['versions']).toEqual({
      '1.0.0': {
        ...PACKUMENT.versions['1.0.0'],
        dist: { ...PACKUMENT.versions['1.0.0'].dist, tarball: `${BASE}/sample/-/sample-1.0.0.tgz`, attestations: { url: `${BASE}/-/npm/v1/attestations/sample@1.0.0`, provenance: { predicateType: 'p' } } },
      },
      '2.0.0': { ...PACKUMENT.versions['2.0.0'], dist: { tarball: `${BASE}/sample/-/odd.tgz`, shasum: 'a'.repeat(40) } },
    });
  });

  it('is shown short with all that clients look for and nothing else', () => {
    const short = shown('abbreviated');

    expect(Object.keys(short).sort()).toEqual(['dist-tags', 'modified', 'name', 'time', 'versions']);
    const versions = short['versions'] as Record<string, Record<string, unknown>>;
    expect(Object.keys(versions['1.0.0'] ?? {}).sort()).toEqual(['_npmUser', 'deprecated', 'dist', 'hasInstallScript', 'libc', 'name', 'version']);
    expect(Object.keys(versions['2.0.0'] ?? {}).sort()).toEqual(['dist', 'name', 'version']);
  });

  it('loses versions that were deleted here, and keeps a latest', () => {
    const full = shown('full', { hidden: ['2.0.0'] });

    expect(Object.keys(full['versions'] as object)).toEqual(['1.0.0']);
    expect(full['dist-tags']).toEqual({ latest: '1.0.0' });
    expect(full['time']).not.toHaveProperty(['2.0.0']);
  });

  it('shows the bytes that are stored where upstream has others', () => {
    const full = shown('full', { pinned: [{ version: '2.0.0', document: JSON.stringify({ version: '2.0.0', dist: { shasum: 'b'.repeat(40) } }), file: 'first.tgz' }] });

    expect((full['versions'] as Record<string, unknown>)['2.0.0']).toMatchObject({ dist: { shasum: 'b'.repeat(40), tarball: `${BASE}/sample/-/first.tgz` } });
  });

  it.each(['', 'null', '[]', '"x"', '{"versions":[]}', '<html>'])('is none when it is %j', (text) => {
    const source = { kind: 'upstream', name: 'x', bytes: Buffer.from(text), overlay: { hidden: [], pinned: [] } } as const;

    expect(runTask({ kind: 'render', source, form: { kind: 'full' }, base: BASE })).toBeNull();
    expect(runTask({ kind: 'index', name: 'x', bytes: source.bytes })).toBeNull();
  });

  it('yields the state that is kept for when upstream is gone', () => {
    const state = runTask({ kind: 'state', name: 'sample', bytes });

    expect(state).toEqual({ distTags: { latest: '2.0.0' }, deprecated: { '1.0.0': 'old' }, time: { '1.0.0': '2020-01-01T00:00:00.000Z', '2.0.0': '2021-01-01T00:00:00.000Z' }, modified: '2021-01-01T00:00:00.000Z', status: 'active' });
    expect(upstreamStateOf(state).deprecated).toEqual(new Map([['1.0.0', 'old']]));
    expect(upstreamStateOf(null).distTags).toEqual(new Map());
  });
});

describe('what is stored', () => {
  const version = (text: string, at: string, document: object = {}): { version: string; document: string; file: string; at: string; deprecated: string | null } => ({
    version: text,
    document: JSON.stringify({ name: '@s/n', version: text, dist: { integrity: 'sha512-AAAA' }, ...document }),
    file: `n-${text}.tgz`,
    at,
    deprecated: null,
  });

  it('becomes a packument with times, hoisted members and publishers', () => {
    const stored = {
      name: '@s/n',
      versions: [version('1.0.0', '2020-01-01T00:00:00.000Z', { bin: 'cli.js', _npmUser: { name: 'bob' } }), version('1.1.0', '2020-02-01T00:00:00.000Z', { description: 'd', license: 'MIT', _npmUser: { name: 'ann' } })],
      distTags: [['latest', '1.1.0'], ['gone', '9.9.9']] as const,
      readme: 'x'.repeat(70_000),
      modified: '2020-03-01T00:00:00.000Z',
      revision: 'abc',
    };

    const result = runTask({ kind: 'render', source: { kind: 'stored', package: stored }, form: { kind: 'full' }, base: BASE });

    const full = JSON.parse(Buffer.from(result?.document?.bytes ?? []).toString()) as Record<string, unknown>;
    expect(full).toMatchObject({
      _id: '@s/n',
      _rev: 'abc',
      description: 'd',
      license: 'MIT',
      'dist-tags': { latest: '1.1.0' },
      time: { created: '2020-01-01T00:00:00.000Z', modified: '2020-03-01T00:00:00.000Z', '1.0.0': '2020-01-01T00:00:00.000Z' },
      maintainers: [{ name: 'ann', email: '' }, { name: 'bob', email: '' }],
      versions: { '1.0.0': { bin: { n: 'cli.js' }, dist: { tarball: `${BASE}/@s/n/-/n-1.0.0.tgz` } } },
    });
    expect(String(full['readme'])).toHaveLength(64 * 1024);
  });
});

describe('dist-tags', () => {
  it.each([
    [{ latest: '1.0.0' }, ['1.0.0'], { latest: '1.0.0' }],
    [{ latest: '2.0.0', next: '2.0.0' }, ['1.0.0', '1.1.0', '3.0.0'], { latest: '1.1.0' }],
    [{ latest: '1.0.0' }, ['3.0.0'], { latest: '3.0.0' }],
    [{}, ['1.0.0', '2.0.0-rc.1'], { latest: '1.0.0' }],
    [{}, ['2.0.0-rc.1', '2.0.0-rc.2'], { latest: '2.0.0-rc.2' }],
    [{}, [], {}],
    [{}, ['not a version'], {}],
  ])('%j of %j become %j', (tags, versions, repaired) => {
    expect(Object.fromEntries(repairedDistTags(new Map(Object.entries(tags)), new Set(versions)))).toEqual(repaired);
  });
});

describe('the workshop', () => {
  it('does the same in a thread as here', async () => {
    const thread = new DocumentWorkshop(0);
    const here = new DocumentWorkshop();
    const source = { kind: 'upstream', name: 'sample', bytes, overlay: { hidden: [], pinned: [] } } as const;
    const task = { kind: 'render', source, form: { kind: 'abbreviated' }, base: BASE } as const;

    const [far, near, index] = await Promise.all([thread.run(task), here.run(task), thread.run({ kind: 'index', name: 'sample', bytes })]);
    await thread.close();

    expect(Buffer.from(far?.document?.bytes ?? [])).toEqual(near?.document?.bytes);
    expect(far?.document?.revision).toBe(near?.document?.revision);
    expect(index).toEqual(near?.index);
  });

  it('leaves the event loop free while a large packument is worked on', async () => {
    const large = Buffer.from(JSON.stringify({ name: 'large', versions: Object.fromEntries(Array.from({ length: 4000 }, (_, n) => [`1.0.${n}`, { name: 'large', version: `1.0.${n}`, readme: 'x'.repeat(4000), dist: {} }])) }));
    const thread = new DocumentWorkshop();
    const { performance } = globalThis;
    await thread.run({ kind: 'index', name: 'large', bytes: large });
    const before = performance.eventLoopUtilization();

    await thread.run({ kind: 'index', name: 'large', bytes: large });
    const { active } = performance.eventLoopUtilization(before);
    const started = performance.now();
    runTask({ kind: 'index', name: 'large', bytes: large });
    const inline = performance.now() - started;
    await thread.close();

    expect(active).toBeLessThan(inline);
  });

  it('fails the task, not the process, when the thread ends', async () => {
    const thread = new DocumentWorkshop(0);
    const running = thread.run({ kind: 'index', name: 'sample', bytes });

    await thread.close();

    await expect(running).rejects.toMatchObject({ code: 'internal' });
    expect(await thread.run({ kind: 'index', name: 'sample', bytes })).not.toBeNull();
    await thread.close();
  });

  it('loses no task to the end of the thread before', async () => {
    const thread = new DocumentWorkshop(0);
    await thread.run({ kind: 'index', name: 'sample', bytes });

    const closed = thread.close();
    const next = thread.run({ kind: 'index', name: 'sample', bytes });
    await closed;

    await expect(next).resolves.not.toBeNull();
    await thread.close();
  });
});
