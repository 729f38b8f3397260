import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { ProjectFile, ProjectPage } from '../model/project-page.ts';
import { versionOfFilename } from '../names/filename.ts';
import { canonicalVersion } from '../names/version.ts';
import { fileUrlsIn } from './file-urls.ts';
import { encodeProjectHtml } from './simple-html.ts';
import { encodeProjectJson } from './simple-json.ts';
import { decodeUpstreamPage } from './upstream-page.ts';

const URLS = fileUrlsIn('https://index.example.com/files/sample/');

const hostile = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), fc.array(fc.constantFrom('<', '>', '"', "'", '&', '&amp;', '&#10', '\n', '\r\n', '\t', '</a>', '<!--', '🐍', '%2F', '#', '?', '+', '\u{2028}', ' ')).map((parts) => parts.join('')));
const filename = fc
  .tuple(hostile, fc.constantFrom('.whl', '.tar.gz', '.zip', '.egg', '-py3-none-any.whl'))
  .map(([text, extension]) => `sample-1.0${text.replaceAll(/[/\\\p{Cc}]/gu, '')}${extension}`);
const hex = (length: number): fc.Arbitrary<string> => fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length });
const orNothing = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { nil: null });
const hashes = fc.record({ md5: hex(32), sha1: hex(40), sha256: hex(64), sha384: hex(96), sha512: hex(128), blake2b_256: hex(64) }, { requiredKeys: [] });
// HTML has no way to say U+0000.
const text = hostile.map((said) => said.replaceAll('\0', ''));
const said = text.filter((value) => value.trim() !== '');

const file: fc.Arbitrary<ProjectFile> = fc
  .record({
    filename,
    hashes,
    size: orNothing(fc.maxSafeNat()),
    uploadTime: orNothing(fc.constantFrom('2026-01-02T03:04:05Z', '2026-01-02T03:04:05.678901Z')),
    requiresPython: orNothing(said),
    yanked: orNothing(text),
    metadataSha256: orNothing(hex(64)),
    hasProvenance: fc.boolean(),
    gpgSignature: orNothing(fc.boolean()),
  })
  .map((values) => ({ ...values, version: versionOfFilename(values.filename, 'sample') }));

const page: fc.Arbitrary<ProjectPage> = fc
  .record({
    files: fc.uniqueArray(file, { selector: (value) => value.filename, maxLength: 5 }),
    status: orNothing(fc.record({ status: fc.constantFrom('active', 'archived', 'deprecated'), reason: orNothing(said) })),
  })
  .map(({ files, status }) => ({ name: 'sample', status, files, versions: [...new Set(files.flatMap(({ version }) => version ?? []))] }));

/** What comes back: the same with URLs, and each version in one spelling. */
function expected(of: ProjectPage, shown: (file: ProjectFile) => ProjectFile): unknown {
  const files = of.files.map((one) => ({ ...shown(one), url: URLS.file(one), provenanceUrl: one.hasProvenance ? URLS.provenance(one) : null }));
  return comparable({ ...of, files });
}

function decoded(bytes: Buffer): unknown {
  const found = decodeUpstreamPage({ bytes, contentType: '', url: 'https://elsewhere.example.com/' }, 'sample');
  expect(new Set(found?.versions.map(canonicalVersion)).size).toBe(found?.versions.length);
  return comparable(found);
}

/** What HTML can say of a file. */
function inHtml(of: ProjectFile): ProjectFile {
  const best = ['sha256', 'sha512', 'sha384', 'md5'].find((algorithm) => algorithm in of.hashes);
  return { ...of, size: null, uploadTime: null, hashes: best === undefined ? {} : { [best]: of.hashes[best] ?? '' } };
}

describe('a page that is encoded and decoded again', () => {
  it('is the same in JSON', () => {
    fc.assert(
      fc.property(page, (original) => {
        const bytes = encodeProjectJson(original, URLS);

        expect(decoded(bytes)).toEqual(expected(original, (one) => one));
      }),
    );
  });

  it('is the same in HTML, but for what HTML cannot say', () => {
    fc.assert(
      fc.property(page, (original) => {
        const bytes = encodeProjectHtml(original, URLS);

        expect(decoded(bytes)).toEqual(expected(original, inHtml));
      }),
    );
  });

  it('has one line of one anchor for each file in HTML', () => {
    fc.assert(
      fc.property(page, (original) => {
        const lines = encodeProjectHtml(original, URLS).toString().split('\n');

        expect(lines.filter((line) => /^<a [^>]+>([^<]+)<\/a><br \/>$/.test(line))).toHaveLength(original.files.length);
        expect(lines.filter((line) => line.includes('<a'))).toHaveLength(original.files.length);
      }),
    );
  });
});

/** Versions are the same in any spelling, and so are URLs that differ in what their standard escapes and `encodeURIComponent` does not. */
function comparable(found: (Omit<ProjectPage, 'files'> & { readonly files: readonly { readonly url: string; readonly provenanceUrl: string | null }[] }) | null): unknown {
  const files = found?.files.map((one) => ({ ...one, url: decodeURIComponent(one.url), provenanceUrl: one.provenanceUrl === null ? null : decodeURIComponent(one.provenanceUrl) }));
  return { ...found, versions: new Set(found?.versions.map(canonicalVersion)), files };
}
