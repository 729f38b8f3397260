import { DocumentCache, UpstreamClient } from '@oci-package-proxy/upstream';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';

import { clientHints } from './client-hints.ts';
import { createIndexes, type IndexParts } from './create-indexes.ts';
import { defaultPypiUpstream, type Run } from './default-upstream.ts';
import type { PypiIndexes } from './indexes.ts';
import { nameMatcher } from './name-globs.ts';
import { PYPI_SECTION } from './pypi-section.ts';
import { PYPI_VARIABLES } from './pypi-variables.ts';

describe('PYPI_UPSTREAM_URL', () => {
  it.each([
    ['off', 'off'],
    ['https://index.example.com/simple/', 'https://index.example.com/simple'],
    [' http://index.example.com/whl/cpu ', 'http://index.example.com/whl/cpu'],
  ])('%s is %s', (text, value) => {
    expect(PYPI_VARIABLES.PYPI_UPSTREAM_URL.parse(text)).toBe(value);
  });

  it.each(['index.example.com', 'ftp://index.example.com', 'https://user:secret@index.example.com', 'https://index.example.com/?x=1', 'https://index.example.com/#x'])('%s is refused', (text) => {
    expect(PYPI_VARIABLES.PYPI_UPSTREAM_URL.safeParse(text).success).toBe(false);
  });
});

describe("the machine's own index", () => {
  const answers = (printed: Readonly<Record<string, string>>): Run => async (program, args) => {
    const answer = printed[`${program} ${args[0]}`];
    return answer === undefined ? Promise.reject(new Error('ENOENT')) : Promise.resolve(answer);
  };

  it.each<[string, Record<string, string>, (string | undefined)[], unknown]>([
    ['what pip says', { 'python3 -c': 'https://index.example.com/simple/\n' }, ['https://other.example.com'], { url: 'https://index.example.com/simple', hadCredential: false }],
    ['the last line of what it prints', { 'python3 -c': 'WARNING: old\nhttps://index.example.com/simple\n' }, [], { url: 'https://index.example.com/simple', hadCredential: false }],
    ['no credential', { 'python3 -c': 'https://user:secret@index.example.com/simple' }, [], { url: 'https://index.example.com/simple', hadCredential: true }],
    ['the other Python', { 'python -c': 'https://index.example.com' }, [], { url: 'https://index.example.com', hadCredential: false }],
    ['the configuration alone', { 'python3 -c': 'None', 'pip config': 'http://index.example.com/a/\n' }, [], { url: 'http://index.example.com/a', hadCredential: false }],
    ['what uv uses', {}, [undefined, 'https://index.example.com/simple?token=x'], { url: 'https://index.example.com/simple', hadCredential: true }],
    ['nothing', {}, [undefined, 'name=./directory'], null],
  ])('is %s', async (_, printed, otherwise, expected) => {
    expect(await defaultPypiUpstream(otherwise, answers(printed))).toEqual(expected);
  });

  it('is what a real pip says, where there is one', async () => {
    const index = await defaultPypiUpstream(['http://fallback.example.com/simple']);

    expect(index?.url).toMatch(/^https?:\/\/[^@?#]+[^/]$/);
  });
});

describe('the section of CONFIG_FILE', () => {
  it('is complete when it is absent', () => {
    expect(PYPI_SECTION.parse(undefined)).toEqual({ upstreams: {}, indexes: {} });
  });

  it.each<[string, unknown, string]>([
    ['an unknown key', { index: {} }, ''],
    ['an unknown key of an index', { indexes: { a: { upstreams: [], mirror: true } } }, 'indexes.a'],
    ['an index without upstreams', { indexes: { a: {} } }, 'indexes.a.upstreams'],
    ['an unknown upstream', { indexes: { a: { upstreams: ['secret'] } } }, 'indexes.a.upstreams'],
    ['an upstream twice', { indexes: { a: { upstreams: ['default', 'default'] } } }, 'indexes.a.upstreams'],
    ['the upstream that a variable names', { upstreams: { default: 'https://a.example.com' } }, 'upstreams.default'],
    ['a credential', { upstreams: { a: 'https://user:secret@a.example.com' } }, 'upstreams.a'],
    ['a malformed id', { upstreams: { A_b: 'https://a.example.com' } }, 'upstreams.A_b'],
    ['uploads that nobody sees', { indexes: { a: { upstreams: [], published: false, upload: true } } }, 'indexes.a.upload'],
    ['nothing to merge', { indexes: { a: { upstreams: [], published: false, merge: ['x'] } } }, 'indexes.a.merge'],
    ...['simple', 'legacy', 'files', 'pypi', 'integrity', 'api', 'Team', 'a--b', 'a_b', '-a', ''].map((name): [string, unknown, string] => [`an index called ${JSON.stringify(name)}`, { indexes: { [name]: { upstreams: [] } } }, `indexes.${name}`]),
  ])('refuses %s, and says where', (_, section, path) => {
    const parsed = PYPI_SECTION.safeParse(section);

    expect(parsed.error?.issues.map((issue) => issue.path.join('.'))).toEqual([path]);
    expect(JSON.stringify(parsed.error?.issues.map(({ message }) => message))).not.toContain('secret');
  });
});

describe('indexes', () => {
  const clients: UpstreamClient[] = [];
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
  });

  function indexes(section: unknown, parts: Partial<IndexParts> = {}): { all: PypiIndexes; asked: string[] } {
    const asked: string[] = [];
    const upstreamAt: IndexParts['upstreamAt'] = (url) => {
      asked.push(url);
      const upstream = new UpstreamClient({ instanceId: 'spec', allowedOrigins: [] });
      clients.push(upstream);
      return { upstream, documents: new DocumentCache({ upstream }) };
    };
    return { all: createIndexes({ section: PYPI_SECTION.parse(section), defaultUrl: 'https://a.example.com', privateNames: [], upstreamAt, ...parts }), asked };
  }

  it('is one at the base path when nothing is said, which shows and takes everything', () => {
    const { all } = indexes(undefined);
    const index = all.find('default');

    expect(all.all).toEqual([index]);
    expect(index).toMatchObject({ published: true, upload: true, upstreams: [{ id: 'default', url: 'https://a.example.com' }] });
    expect([index?.shows('anything'), index?.merges('anything'), all.isMerged('anything'), all.isPrivate('anything')]).toEqual([true, false, false, false]);
  });

  it('keeps the order of upstreams, and reaches each address once', () => {
    const { all, asked } = indexes({
      upstreams: { torch: 'https://t.example.com/', copy: 'https://a.example.com/' },
      indexes: { team: { upstreams: ['torch', 'copy', 'default'] }, internal: { upstreams: [] }, mirror: { published: false, upstreams: ['default'] } },
    });

    expect(all.all.map(({ name }) => name)).toEqual(['default', 'team', 'internal', 'mirror']);
    expect(all.find('team')?.upstreams.map(({ id, url }) => [id, url])).toEqual([['torch', 'https://t.example.com'], ['copy', 'https://a.example.com'], ['default', 'https://a.example.com']]);
    expect(all.find('mirror')).toMatchObject({ published: false, upload: false });
    expect(all.find('nobody')).toBeNull();
    expect(asked).toEqual(['https://a.example.com', 'https://t.example.com']);
  });

  it('keeps an upstream that is off by its id', () => {
    expect(indexes(undefined, { defaultUrl: null }).all.find('default')?.upstreams).toEqual([{ id: 'default', url: null }]);
  });

  it('changes the index at the base path as it is said', () => {
    const { all } = indexes({ indexes: { default: { upstreams: [], upload: false, packages: ['acme-*'], merge: ['numpy'] } } }, { privateNames: ['Acme.*'] });
    const index = all.find('default');

    expect(index).toMatchObject({ published: true, upload: false, upstreams: [] });
    expect([index?.shows('acme-x'), index?.shows('numpy'), index?.merges('numpy'), all.isMerged('numpy')]).toEqual([true, false, true, true]);
    expect([all.isPrivate('acme-x'), all.isPrivate('acme')]).toEqual([true, false]);
  });
});

describe('globs of names', () => {
  it.each([
    ['Acme.Foo', 'acme-foo', true],
    ['acme__foo-_.*', 'acme-foo-bar', true],
    ['acme**', 'acme-foo', true],
    ['acme.*', 'acme', false],
    ['*-internal', 'a-b-internal', true],
    ['**', 'anything', true],
    ['acme', 'acme2', false],
  ])('%s, %s: %s', (glob, name, matches) => {
    expect(nameMatcher([glob])(name)).toBe(matches);
  });

  it('matches the name itself however it is written', () => {
    const word = fc.stringMatching(/^[A-Za-z0-9]{1,5}$/);
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), fc.array(fc.stringMatching(/^[-_.]{1,3}$/), { minLength: 3, maxLength: 3 }), (words, separators) => {
        const written = words.map((part, index) => (index === 0 ? part : `${separators[index - 1]}${part}`)).join('');
        expect(nameMatcher([written])(words.join('-').toLowerCase())).toBe(true);
      }),
    );
  });
});

describe('lines to paste', () => {
  it('point clients at the index, and let them upload where there is a token to show', () => {
    expect(clientHints('http://127.0.0.1:8080/pypi', null)).toEqual(['pip config set global.index-url http://127.0.0.1:8080/pypi/simple/', 'export UV_DEFAULT_INDEX=http://127.0.0.1:8080/pypi/simple/']);
    expect(clientHints('http://[::1]:8080', null)).toHaveLength(2);
    expect(clientHints('https://packages.example.com', 'secret').slice(2)).toEqual([
      'export TWINE_REPOSITORY_URL=https://packages.example.com/legacy/ TWINE_USERNAME=__token__ TWINE_PASSWORD=secret',
      'export UV_PUBLISH_URL=https://packages.example.com/legacy/ UV_PUBLISH_TOKEN=secret',
    ]);
  });

  it('tell pip to trust another machine that has no TLS', () => {
    expect(clientHints('http://packages.example.com:8082', null)).toContain('pip config set global.trusted-host packages.example.com:8082');
  });
});
