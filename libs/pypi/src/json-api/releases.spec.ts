import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { ProjectFile, ProjectPage } from '../model/project-page.ts';
import { canonicalVersion, compareVersions } from '../names/version.ts';
import { bareFile } from '../pages/sample-pages.contract.ts';
import { releaseOf, releasesOf, shownRelease } from './releases.ts';

/** A page of files, given as `[version, yanked]`; of versions alone where `bare` says more. */
function page(files: readonly (readonly [string | null, (string | null)?])[], bare: readonly string[] = []): ProjectPage {
  const shown: ProjectFile[] = files.map(([version, yanked = null], index) => bareFile(`a-${index}.tar.gz`, { version, yanked }));
  const versions = [...new Set([...bare, ...shown.flatMap(({ version }) => version ?? [])])];
  return { name: 'a', status: null, versions, files: shown };
}

describe('releasesOf', () => {
  it('sorts, puts two spellings into one, and keeps versions without files', () => {
    const releases = releasesOf(page([['1.10'], ['1.9'], ['1.9.0'], ['2024']], ['0.1']));

    expect(releases.map(({ version, files }) => [version, files.length])).toEqual([
      ['0.1', 0],
      ['1.9', 2],
      ['1.10', 1],
      ['2024', 1],
    ]);
  });

  it('leaves out files without a version', () => {
    expect(releasesOf(page([[null], ['1.0']])).map(({ files }) => files.map(({ filename }) => filename))).toEqual([['a-1.tar.gz']]);
  });

  it('offers no file of a quarantined project', () => {
    const releases = releasesOf({ ...page([['1.0']]), status: { status: 'quarantined', reason: null } });

    expect(releases).toEqual([{ version: '1.0', files: [], yanked: null }]);
  });

  it.each([
    [[null, 'a'], null],
    [['', 'a'], 'a'],
    [['', ''], ''],
    [['a', 'b'], 'a'],
  ])('a version whose files are yanked like %j is yanked like %j', (reasons, yanked) => {
    expect(releasesOf(page(reasons.map((reason) => ['1.0', reason])))[0]?.yanked).toBe(yanked);
  });

  it('has every file with a version once, in order', () => {
    const version = fc.oneof(fc.constant(null), fc.constantFrom('1', '1.0', '1.0.0', '1.0a1', '2!0.1', 'odd', 'ODD', '1.0+x', '__proto__', '2024'), fc.string());
    fc.assert(
      fc.property(fc.array(version), (versions) => {
        const releases = releasesOf(page(versions.map((one) => [one])));

        expect(releases.flatMap(({ files }) => files)).toHaveLength(versions.filter((one) => one !== null).length);
        expect(releases.map((release) => release.version)).toEqual(releases.map((release) => release.version).toSorted(compareVersions));
        expect(new Set(releases.map((release) => canonicalVersion(release.version))).size).toBe(releases.length);
      }),
    );
  });
});

describe('shownRelease', () => {
  it.each([
    ['the newest stable one', [['1.0'], ['1.1'], ['2.0rc1']], '1.1'],
    ['not a yanked one', [['1.0'], ['1.1', '']], '1.0'],
    ['a pre-release before a yanked one', [['1.0', 'a'], ['1.1rc1']], '1.1rc1'],
    ['the newest pre-release', [['1.0a1'], ['1.0.dev3']], '1.0a1'],
    ['a yanked stable one before a yanked pre-release', [['1.0', ''], ['1.1rc1', '']], '1.0'],
    ['a yanked pre-release', [['1.0rc1', '']], '1.0rc1'],
    ['one with a file that is not yanked', [['1.0'], ['1.1', ''], ['1.1']], '1.1'],
    ['nothing', [], undefined],
  ] as const)('is %s', (_what, files, shown) => {
    expect(shownRelease(releasesOf(page(files)))?.version).toBe(shown);
  });

  it('is one with files', () => {
    expect(shownRelease(releasesOf(page([['1.0']], ['2.0'])))?.version).toBe('1.0');
  });

  it('is one without files where there is no other', () => {
    expect(shownRelease(releasesOf(page([], ['1.0', '2.0', '3.0a1'])))?.version).toBe('2.0');
  });
});

it.each([
  ['1.0', '1.0'],
  ['v1', '1.0'],
  ['1.0.0.0', '1.0'],
  ['Odd', 'odd'],
  ['1.1', undefined],
  ['', undefined],
])('the release of %j is %j', (version, found) => {
  expect(releaseOf(releasesOf(page([['1.0'], ['odd']])), version)?.version).toBe(found);
});
