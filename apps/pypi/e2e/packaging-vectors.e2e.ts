import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import {
  canonicalVersion,
  compareVersions,
  isProjectName,
  normalizedName,
  normalizedVersion,
  parseCoreMetadata,
  parseFilename,
  sortedVersions,
  type WheelDistribution,
} from '@oci-package-proxy/pypi';
import { type CommandResult, runCommand, temporaryDirectory } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** The version of Python's `packaging` whose tests and answers count. */
const PACKAGING = '26.4';
const RANDOM_TEXTS = 2_000;

interface VersionAnswer {
  readonly text: string;
  readonly normal: string | null;
  readonly canonical: string | null;
  /** In the order of all versions; the same for equal ones. */
  readonly place: number | null;
}

/** What packaging-vectors.py prints. */
interface Oracle {
  readonly library: string;
  readonly ordered: readonly string[];
  readonly invalid: readonly string[];
  readonly normalized: readonly (readonly [string, string])[];
  readonly canonical: readonly (readonly [string, string])[];
  readonly versions: readonly VersionAnswer[];
  readonly others: readonly VersionAnswer[];
  readonly names: readonly (readonly [string, string])[];
  readonly notNames: readonly string[];
  readonly wheels: readonly (readonly [string, { name: string; version: string; build: string; tags: string[] } | null])[];
  readonly sdists: readonly (readonly [string, { name: string; version: string } | null])[];
  readonly metadata: readonly { text: string; fields: Record<string, string[]>; description: string }[];
}

/** Texts that `packaging` takes and we do not, or the other way round, and why. */
const DELIBERATE = {
  versions: {
    // A limit of ours.
    longerThan: 512,
  },
  wheels: {
    // Projects have ASCII names: PEP 508.
    'foo_bár-1.0-py3-none-any.whl': null,
    'foo_bár-1.0-1000-py3-none-any.whl': null,
    // Old files that indexes list.
    'foo__bar-1.0-py3-none-any.whl': 'foo-bar',
    'foobar-1.x-py3-none-any.whl': 'foobar',
    'playlyfe-0.1.1-2.7.6-none-any.whl': 'playlyfe',
    // A label of PEP 825 (draft).
    'foo-1.0-200-py3-none-any-junk.whl': 'foo',
  } as Readonly<Record<string, string | null>>,
  sdists: {
    'foo-1.x.tar.gz': 'foo',
  } as Readonly<Record<string, string | null>>,
};

describe(`the test vectors of packaging ${PACKAGING}`, () => {
  let directory: string;
  let oracle: Oracle;

  beforeAll(async () => {
    directory = await temporaryDirectory('packaging');
    oracle = await askPackaging(directory, randomTexts(RANDOM_TEXTS));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('are those of the version that is named, and all there', () => {
    expect(oracle.library).toBe(PACKAGING);
    expect(oracle.versions.length).toBeGreaterThan(200);
    expect(oracle.ordered.length).toBeGreaterThan(80);
    expect(oracle.invalid.length).toBeGreaterThan(15);
    expect(oracle.normalized.length).toBeGreaterThan(100);
    expect(oracle.wheels.length).toBeGreaterThan(20);
    expect(oracle.metadata).toHaveLength(2);
  });

  it('versions have the same normal and canonical form', () => {
    const texts = oracle.versions.filter(({ text }) => text.length <= DELIBERATE.versions.longerThan);

    expect(texts.map(({ text }) => [text, normalizedVersion(text)])).toEqual(texts.map(({ text, normal }) => [text, normal]));
    expect(canonicalOf(texts)).toEqual(texts.map(({ text, canonical }) => [text, canonical]));
    expect(oracle.normalized.map(([text]) => [text, normalizedVersion(text)])).toEqual(oracle.normalized);
    expect(oracle.canonical.map(([text]) => [text, canonicalVersion(text)])).toEqual(oracle.canonical);
    expect(oracle.invalid.map((text) => [text, normalizedVersion(text)])).toEqual(oracle.invalid.map((text) => [text, null]));
  });

  it('versions have the same order, each with each', () => {
    expect(sortedVersions([...oracle.ordered].reverse())).toEqual(oracle.ordered);
    const ours = oracle.ordered.map((left) => oracle.ordered.map((right) => compareVersions(left, right)));
    expect(ours).toEqual(oracle.ordered.map((_, left) => oracle.ordered.map((__, right) => Math.sign(left - right))));
  });

  it(`of ${RANDOM_TEXTS} random texts the same are versions, with the same forms and in the same order`, () => {
    const { others } = oracle;
    const valid = others.filter((answer): answer is VersionAnswer & { place: number } => answer.place !== null);
    const places = new Map(valid.map(({ text, place }) => [text, place]));

    expect(others.length).toBe(RANDOM_TEXTS);
    expect(valid.length).toBeGreaterThan(RANDOM_TEXTS / 2);
    expect(others.length - valid.length).toBeGreaterThan(RANDOM_TEXTS / 10);
    expect(others.map(({ text }) => [text, normalizedVersion(text)])).toEqual(others.map(({ text, normal }) => [text, normal]));
    expect(canonicalOf(others)).toEqual(others.map(({ text, canonical }) => [text, canonical]));
    const sorted = sortedVersions(valid.map(({ text }) => text));
    expect(sorted.map((text) => places.get(text))).toEqual(valid.map(({ place }) => place).sort((left, right) => left - right));
    const neighbours = sorted.slice(1).map((text, index) => [sorted[index] ?? '', text] as const);
    expect(neighbours.map(([left, right]) => [left, right, compareVersions(left, right)])).toEqual(
      neighbours.map(([left, right]) => [left, right, Math.sign((places.get(left) ?? 0) - (places.get(right) ?? 0))]),
    );
  });

  it('names are the same', () => {
    expect(oracle.names.map(([name]) => [name, normalizedName(name)])).toEqual(oracle.names);
    expect(oracle.notNames.filter(isProjectName)).toEqual([]);
  });

  it('wheels are the same, but for those where we mean to differ', () => {
    const same = oracle.wheels.filter(([filename]) => !(filename in DELIBERATE.wheels));

    expect(same.map(([filename]) => [filename, wheelOf(filename)])).toEqual(same);
    expect(oracle.wheels.filter(([filename, answer]) => filename in DELIBERATE.wheels && (wheelOf(filename) === null) === (answer === null))).toEqual([]);
    expect(Object.keys(DELIBERATE.wheels).map((filename) => [filename, parseFilename(filename)?.name ?? null])).toEqual(Object.entries(DELIBERATE.wheels));
  });

  it('source distributions are the same, but for those where we mean to differ', () => {
    const same = oracle.sdists.filter(([filename]) => !(filename in DELIBERATE.sdists));

    expect(same.map(([filename]) => [filename, sdistOf(filename)])).toEqual(same);
    expect(Object.keys(DELIBERATE.sdists).map((filename) => [filename, parseFilename(filename)?.name ?? null])).toEqual(Object.entries(DELIBERATE.sdists));
  });

  it('metadata says the same', () => {
    for (const { text, fields, description } of oracle.metadata) {
      const ours = parseCoreMetadata(Buffer.from(text));

      expect(Object.fromEntries(ours.fields)).toEqual(fields);
      expect(ours.description).toBe(description);
    }
  });
});

function canonicalOf(answers: readonly VersionAnswer[]): (readonly [string, string | null])[] {
  return answers.map(({ text, normal }) => [text, normal === null ? null : canonicalVersion(text)]);
}

function wheelOf(filename: string): Oracle['wheels'][number][1] {
  const found = parseFilename(filename);
  return found?.kind === 'wheel' ? { name: found.name, version: found.version, build: found.build ?? '', tags: tagsOf(found) } : null;
}

/** Every tag of the compressed sets. */
function tagsOf({ pythonTag, abiTag, platformTag }: WheelDistribution): string[] {
  const [pythons, abis, platforms] = [pythonTag.split('.'), abiTag.split('.'), platformTag.split('.')];
  return pythons.flatMap((python) => abis.flatMap((abi) => platforms.map((platform) => `${python}-${abi}-${platform}`))).sort();
}

function sdistOf(filename: string): Oracle['sdists'][number][1] {
  const found = parseFilename(filename);
  return found?.kind === 'sdist' ? { name: found.name, version: found.version } : null;
}

/** Downloads the source distribution with the machine's own pip, and asks the library in it. */
async function askPackaging(directory: string, texts: readonly string[]): Promise<Oracle> {
  const downloads = join(directory, 'downloads');
  await mkdir(downloads);
  await python(directory, ['-m', 'pip', 'download', '--quiet', '--no-deps', '--no-binary', 'packaging', '--dest', downloads, `packaging==${PACKAGING}`]);
  const [sdist = ''] = await readdir(downloads);
  const script = join(import.meta.dirname, 'packaging-vectors.py');
  const { stdout } = await python(directory, [script, join(downloads, sdist), join(directory, 'source')], JSON.stringify(texts));
  return JSON.parse(stdout) as Oracle;
}

async function python(cwd: string, parameters: readonly string[], input?: string): Promise<CommandResult> {
  const missing = 'This test needs python3 (3.10 or newer) with pip, and a package index that pip is configured for. On Debian and Ubuntu: apt-get install python3 python3-pip python3-venv.';
  const result = await runCommand('python3', parameters, { cwd, environment: pipEnvironment(), input }).catch((cause: unknown) => {
    throw new Error(missing, { cause });
  });
  if (result.code !== 0) {
    throw new Error(`python3 ${parameters.slice(0, 3).join(' ')} ended with ${result.code}:\n${result.output}\n${missing}`);
  }
  return result;
}

/** What pip is configured by on this machine: its home and variables. */
function pipEnvironment(): Record<string, string> {
  const ofPip = /^(?:HOME|XDG_CONFIG_HOME|TMPDIR|PIP_.*|SSL_CERT_.*|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|(?:HTTPS?|ALL|NO)_PROXY)$/i;
  return Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => ofPip.test(entry[0]) && entry[1] !== undefined));
}

/** `count` different texts, always the same: versions in all spellings, many of them equal, and texts that are nearly versions. */
function randomTexts(count: number): string[] {
  const random = mulberry32(20_261_125);
  const pick = <T>(...choices: readonly [T, ...T[]]): T => choices[Math.floor(random() * choices.length)] ?? choices[0];
  const digits = (): string => pick(() => '0', () => String(Math.floor(random() * 4)), () => `0${Math.floor(random() * 30)}`, () => pick('20261125', String(2n ** 60n), String(2n ** 60n + 1n), '9'.repeat(40)))();
  const joint = (): string => pick('', '', '.', '-', '_');
  const suffix = (chance: number, words: readonly [string, ...string[]]): string => (random() < chance ? joint() + pick(...words) + joint() + pick('', digits()) : '');
  const local = (): string => (random() < 0.3 ? `+${Array.from({ length: 1 + Math.floor(random() * 3) }, () => pick(digits(), 'a', 'ABC', 'cu128', '1e5', '0x10')).join(pick('.', '-', '_'))}` : '');
  const version = (): string =>
    [
      pick('', '', '', 'v', 'V', ' '),
      pick('', '', '', '0!', '1!', '01!'),
      Array.from({ length: 1 + Math.floor(random() * 4) }, digits).join('.'),
      suffix(0.4, ['a', 'ALPHA', 'alpha', 'b', 'Beta', 'c', 'rc', 'pre', 'preview']),
      random() < 0.1 ? `-${digits()}` : suffix(0.3, ['post', 'POST', 'rev', 'r']),
      suffix(0.3, ['dev', 'Dev']),
      local(),
      pick('', '', '', '\n'),
    ].join('');
  const broken = (): string => {
    const text = version();
    const at = Math.floor(random() * (text.length + 1));
    return text.slice(0, at) + pick('', '.', '-', '_', '+', '!', ' ', 'v', 'x', 'r', '1', '\u00a0', '\u017f', '\u0663', '\u0130', '\u0085', '\ufeff') + text.slice(at + Math.floor(random() * 2));
  };
  const texts = new Set<string>();
  while (texts.size < count) {
    texts.add(random() < 0.6 ? version() : broken());
  }
  return [...texts];
}

/** Random numbers in [0, 1) that are the same for the same seed. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
