import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { parseFilename, versionOfFilename } from './filename.ts';
import { normalizedName } from './project-name.ts';
import { spellings } from './sample-versions.contract.ts';
import { normalizedVersion } from './version.ts';

const plain = { build: null, pythonTag: 'py3', abiTag: 'none', platformTag: 'any', label: null };

describe('wheels', () => {
  it.each([
    ['foo-1.0-py3-none-any.whl', { name: 'foo', version: '1.0', ...plain }],
    ['Some_PACKAGE.x-1.00-py3-none-any.whl', { name: 'some-package-x', version: '1.0', ...plain }],
    ['foo__bar-1-py3-none-any.whl', { name: 'foo-bar', version: '1', ...plain }],
    ['foo-1.0-1000abc-py3-none-any.whl', { name: 'foo', version: '1.0', ...plain, build: '1000abc' }],
    ['foo-1!2.0+cu_128-py2.py3-none-any.whl', { name: 'foo', version: '1!2.0+cu.128', ...plain, pythonTag: 'py2.py3' }],
    ['foo-2.0_1-py3-none-any.whl', { name: 'foo', version: '2.0.post1', ...plain }],
    ['foo-1.0_SNAPSHOT-py3-none-any.whl', { name: 'foo', version: '1.0_SNAPSHOT', ...plain }],
    ['foo-dev_r12-py3-none-any.whl', { name: 'foo', version: 'dev_r12', ...plain }],
    ['playlyfe-0.1.1-2.7.6-none-any.whl', { name: 'playlyfe', version: '0.1.1', ...plain, pythonTag: '2.7.6' }],
    ['foo-1.0-cp313-cp313t-linux_x86_64-cu128.whl', { name: 'foo', version: '1.0', build: null, pythonTag: 'cp313', abiTag: 'cp313t', platformTag: 'linux_x86_64', label: 'cu128' }],
    ['foo-1.0-200-py3-none-any-null.whl', { name: 'foo', version: '1.0', ...plain, build: '200', label: 'null' }],
    ['foo-1-cp310-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl', { name: 'foo', version: '1', ...plain, pythonTag: 'cp310', abiTag: 'abi3', platformTag: 'manylinux_2_17_x86_64.manylinux2014_x86_64' }],
  ])('%s', (filename, expected) => {
    expect(parseFilename(filename)).toEqual({ kind: 'wheel', ...expected });
  });

  it.each([
    'foo-1.0.whl',
    'foo-1.0-py3-none.whl',
    'foo-1.0-py3-none-any.wheel',
    'foo-1.0-py3-none-any.WHL',
    '-1.0-py3-none-any.whl',
    'foo#bar-1.0-py3-none-any.whl',
    'foo-1.0-abc-py3-none-any.whl',
    'foo-1.0--none-any.whl',
    'foo-1.0-py3.-none-any.whl',
    'foo-1.0-py3-none-any (1).whl',
    'my-project-1.0-py3-none-any.whl',
    'my-big-project-1.0-py3-none-any.whl',
    'foo-1.0-py3-none-any-a-b.whl',
    'foo-1.0-1-py3-none-any-a-b.whl',
    'foo-1.0-py3-none-any.whl.metadata',
    'foo-1.0-py3-none-any.whl.asc',
  ])('%s is none', (filename) => {
    expect(parseFilename(filename)).toBeNull();
  });
});

describe('source distributions', () => {
  it.each([
    ['foo-1.0.tar.gz', undefined, 'foo', '1.0', '.tar.gz'],
    ['foo_bar-1.0.zip', undefined, 'foo-bar', '1.0', '.zip'],
    ['foo-bar-1.0.tar.bz2', undefined, 'foo-bar', '1.0', '.tar.bz2'],
    ['zope.interface-4.0.tgz', 'zope-interface', 'zope-interface', '4.0', '.tgz'],
    ['a-1-2.tar.gz', undefined, 'a-1', '2', '.tar.gz'],
    ['a-1-2.tar.gz', 'a', 'a', '1.post2', '.tar.gz'],
    ['a-1-2.tar.gz', 'a-1', 'a-1', '2', '.tar.gz'],
    ['Foo-Bar-1.0-beta.tar.xz', 'foo-bar', 'foo-bar', '1.0b0', '.tar.xz'],
    ['foo-1.0-beta.tar', undefined, 'foo', '1.0b0', '.tar'],
    ['foo-1.x.tar.gz', undefined, 'foo', '1.x', '.tar.gz'],
    ['foo-bar-1.x-y.tar.gz', undefined, 'foo-bar', '1.x-y', '.tar.gz'],
    ['pytz-2004d.tbz', 'pytz', 'pytz', '2004d', '.tbz'],
    ['foo-latest.txz', 'foo', 'foo', 'latest', '.txz'],
    ['foo-latest.tar.zst', undefined, 'foo', 'latest', '.tar.zst'],
    ['foo-1.0+Ab.linux.tar.Z', undefined, 'foo', '1.0+ab.linux', '.tar.Z'],
    ['foo.win-tools-1.0.tar.gz', undefined, 'foo-win-tools', '1.0', '.tar.gz'],
    ['other-1.0.tar.gz', 'foo', 'other', '1.0', '.tar.gz'],
  ])('%s of %s', (filename, project, name, version, extension) => {
    expect(parseFilename(filename, project)).toEqual({ kind: 'sdist', name, version, extension });
  });

  it.each(['foo.tar.gz', 'foo1.0.tar.gz', '-1.0.tar.gz', '-1.0.zip', 'foo-.zip', '.tar.gz', '', 'foo-1.0', 'foo-1.0.xz', 'foo-1.0.tar.gz.sig', '_foo-1.0.tar.gz', 'index.html', 'foo-1.0-variants.json'])('%j is none', (filename) => {
    expect(parseFilename(filename, 'foo')).toBeNull();
  });
});

it.each([
  ['x_y-1.0-py2.7.egg', 'x-y', '1.0', '.egg'],
  ['x_y-1.0_r1-py2.7-linux-x86_64.egg', 'x-y', '1.0.post1', '.egg'],
  ['x-y-1.0.win-amd64-py2.7.exe', 'x-y', '1.0', '.exe'],
  ['x-1.0.win32.msi', 'x', '1.0', '.msi'],
  ['X-10.1.0.winxp32-py2.5.msi', 'x', '10.1.0', '.msi'],
  ['x-y-1.0-1.noarch.rpm', 'x-y', '1.0', '.rpm'],
  ['x-1.0.linux-x86_64.tar.gz', 'x', '1.0', '.tar.gz'],
  ['x-1.0.macosx-10.9-x86_64.tar.gz', 'x', '1.0', '.tar.gz'],
  ['x-1.0.win32.zip', 'x', '1.0', '.zip'],
  ['X-5.1.3-11g.win-amd64-py2.7.exe', 'x', '5.1.3', '.exe'],
  ['x-0.13.1.py2-win32-PROPER.exe', 'x', '0.13.1', '.exe'],
  ['x-setup.exe', null, null, '.exe'],
  ['setup.exe', null, null, '.exe'],
  ['python-x_1.0-1_all.deb', null, null, '.deb'],
  ['X 1.0.dmg', null, null, '.dmg'],
  ['.egg', null, null, '.egg'],
])('%s is something else', (filename, name, version, extension) => {
  expect(parseFilename(filename, 'x')).toEqual({ kind: 'other', name, version, extension });
});

it.each([
  ['Foo-1.0-py3-none-any.whl', '1.0'],
  ['foo-bar-01.0.tar.gz', '1.0'],
  ['setup.exe', null],
  ['README', null],
])('the version of %s is %j', (filename, version) => {
  expect(versionOfFilename(filename)).toBe(version);
});

describe('what is hostile', () => {
  it.each(['foo-1.0\u0000.tar.gz', '../foo-1.0.tar.gz', 'a\\foo-1.0.tar.gz', 'foo-1.0\n.tar.gz', 'foo\u0085-1.0.zip', 'foo-1.0\u2028.exe', 'foo-\ud800.exe', 'foo-1.0-py3-none-any\u007f.whl'])('%j is nothing', (filename) => {
    expect(parseFilename(filename, 'foo')).toBeNull();
  });

  it.each(['a', 'a-', '1-', '-', 'a-1.', '.win-', 'a.win', '._-', '1a', 'py3.'].flatMap((part) => ['.whl', '.tar.gz', '.exe', '.egg', '.rpm'].map((end) => [part, end])))('%s again and again, and %s', (part = '', end = '') => {
    const started = performance.now();

    expect(parseFilename(part.repeat(Math.ceil(10_240 / part.length)) + end, 'a')).toBeNull();
    parseFilename(part.repeat(Math.floor((510 - end.length) / part.length)) + end, 'a');
    expect(performance.now() - started).toBeLessThan(500);
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.array(fc.constantFrom('-', '.', '_', '1', 'a', '.whl', '.tar.gz', '.exe', '.egg', 'win32', 'py3', '+', '!')).map((parts) => parts.join(''))), (text) => {
        for (const end of ['', '.whl', '.tar.gz', '.msi', '.egg', '.rpm']) {
          const found = parseFilename(text + end);

          expect(found === null || found.name === null || normalizedName(found.name) === found.name).toBe(true);
        }
      }),
    );
  });
});

describe('what tools write', () => {
  const names = fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,12}[A-Za-z0-9])?$/);
  const tags = fc.constantFrom('py3-none-any', 'cp313-cp313t-win_amd64', 'py2.py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64');
  const versions = spellings.map((text) => normalizedVersion(text) ?? '').filter((text) => text !== '');

  it('can be read: wheels', () => {
    fc.assert(
      fc.property(names, versions, fc.constantFrom(null, '1', '20abc'), tags, (name, version, build, tag) => {
        const escaped = normalizedName(name).replaceAll('-', '_');
        const filename = [escaped, version, ...(build === null ? [] : [build]), tag].join('-');
        const [pythonTag, abiTag, platformTag] = tag.split('-');

        expect(parseFilename(`${filename}.whl`)).toEqual({ kind: 'wheel', name: normalizedName(name), version, build, pythonTag, abiTag, platformTag, label: null });
      }),
    );
  });

  it('can be read: source distributions, old ones too', () => {
    fc.assert(
      fc.property(names, versions, fc.boolean(), (name, version, old) => {
        const written = old ? name : normalizedName(name).replaceAll('-', '_');

        expect(parseFilename(`${written}-${version}.tar.gz`, normalizedName(name))).toEqual({ kind: 'sdist', name: normalizedName(name), version, extension: '.tar.gz' });
        expect(parseFilename(`${written}-${version}.tar.gz`)).toMatchObject({ name: normalizedName(name), version });
      }),
    );
  });
});
