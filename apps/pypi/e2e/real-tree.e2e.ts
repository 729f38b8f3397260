import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';

import { type CommandResult, eventually, type PythonClients, type PythonRun, runCommand, WORKSPACE_ROOT } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type PypiStandalone, startPypiStandalone } from './pypi-standalone.ts';

/** About 80 distributions, resolved without us: `uv.toml` in it says how. */
const TREE = join(WORKSPACE_ROOT, 'libs/testing/fixtures/python-tree');
const REQUIREMENTS = join(TREE, 'requirements.txt');
const WHEELS = ['--only-binary', ':all:'] as const;
const INSTALL = ['--require-hashes', ...WHEELS, '-r', REQUIREMENTS] as const;
const PIP_INSTALL = ['install', '--quiet', '--no-compile', ...INSTALL] as const;
/** What one command may take where the network is slow, in ms. */
const PATIENCE = 240_000;
const FILE_TYPE = 'application/vnd.oci-package-proxy.pypi.file.v1';
const WHEEL_TYPE = 'application/vnd.oci-package-proxy.pypi.wheel.v1+zip';

/** Versions and sha256 by normalized name. */
type Pins = Readonly<Record<string, { readonly version: string; readonly hashes: readonly string[] }>>;

function pinsOf(requirements: string): Pins {
  const blocks = requirements.split(/^(?=\S)/m).filter((block) => block.includes('=='));
  return Object.fromEntries(
    blocks.map((block) => {
      const [, name = block, version = ''] = /^([a-z\d-]+)==(\S+)/.exec(block) ?? [];
      return [name, { version, hashes: [...block.matchAll(/--hash=sha256:([\da-f]{64})/g)].map(([, hash = '']) => hash) }];
    }),
  );
}

function versionsOf(pins: Pins): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(pins).map(([name, { version }]) => [name, version]));
}

/** One file that was installed. */
interface InstalledFile {
  readonly filename: string;
  readonly sha256: string;
}

/** The files that a report of pip says were installed, by normalized name of their project. */
async function reported(path: string): Promise<Readonly<Record<string, InstalledFile>>> {
  const report = JSON.parse(await readFile(path, 'utf8')) as {
    install: { metadata: { name: string }; download_info: { url: string; archive_info: { hashes: { sha256: string } } } }[];
  };
  return Object.fromEntries(
    report.install.map(({ metadata, download_info: { url, archive_info: archive } }) => [
      metadata.name.replace(/[-_.]+/g, '-').toLowerCase(),
      { filename: decodeURIComponent(new URL(url).pathname.split('/').at(-1) ?? ''), sha256: archive.hashes.sha256 },
    ]),
  );
}

/** What every package of an environment recorded of its files and their digests. Scripts are left out: they name the environment. */
async function records(python: string): Promise<Readonly<Record<string, readonly string[]>>> {
  const library = join(dirname(python), '../lib');
  const [version = ''] = await readdir(library);
  const packages = join(library, version, 'site-packages');
  const infos = (await readdir(packages)).filter((name) => name.endsWith('.dist-info')).sort();
  const read = async (info: string): Promise<[string, readonly string[]]> => {
    const lines = (await readFile(join(packages, info, 'RECORD'), 'utf8')).split(/\r?\n/);
    return [info, lines.filter((line) => !line.startsWith('../')).sort()];
  };
  return Object.fromEntries(await Promise.all(infos.map(read)));
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** The wheels that an OCI image layout holds, as any tool would find them: sha256, made anew from the bytes, by tag. */
async function heldWheels(layout: string): Promise<Readonly<Record<string, string>>> {
  const blob = (digest: string): string => join(layout, 'blobs', digest.replace(':', '/'));
  const { manifests } = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8')) as { manifests: { digest: string; annotations?: Record<string, string> }[] };
  const held: Record<string, string> = {};
  for (const { digest, annotations } of manifests) {
    const { artifactType, layers } = JSON.parse(await readFile(blob(digest), 'utf8')) as { artifactType: string; layers: { mediaType: string; digest: string }[] };
    if (artifactType === FILE_TYPE) {
      const wheel = layers.find(({ mediaType }) => mediaType === WHEEL_TYPE);
      held[annotations?.['org.opencontainers.image.ref.name'] ?? digest] = await sha256Of(blob(wheel?.digest ?? 'none'));
    }
  }
  return held;
}

describe('a real tree of numpy, pandas, web frameworks and what they need', () => {
  const times: string[] = [];
  let proxy: PypiStandalone;
  /** What the proxy found by itself. */
  let upstream: string;
  let clients: PythonClients;
  /** Clients that know nothing of us: they ask whom we ask. */
  let direct: PythonClients;
  let without: PythonRun;
  let requirements: string;
  let pins: Pins;
  let truth: Readonly<Record<string, readonly string[]>>;
  let files: Readonly<Record<string, InstalledFile>>;

  /** Holds a command to success, and takes its time. */
  function succeeded(result: CommandResult, label?: string): void {
    const complaints = proxy.app.output().split('\n').filter((line) => !line.includes('"level":"info"'));
    expect(result.code, `${result.output}\n${complaints.join('\n')}`).toBe(0);
    times.push(...(label === undefined ? [] : [`${label} ${(result.elapsedMs / 1000).toFixed(1)} s`]));
  }

  /** As the fixture was made, by its own settings. */
  async function resolved(by: PythonClients, label: string, how: PythonRun = {}): Promise<string> {
    const output = join(by.directory, `${label}.txt`);
    succeeded(await by.uv(['pip', 'compile', 'requirements.in', '--quiet', '--output-file', output], { timeoutMs: PATIENCE, ...how, cwd: TREE }));
    return readFile(output, 'utf8');
  }

  async function metric(pattern: RegExp): Promise<number> {
    const text = await (await fetch(`${proxy.metrics}/metrics`)).text();
    return text.split('\n').filter((line) => pattern.test(line)).reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  }

  // No upstream is configured: the default is what the machine's own pip uses.
  beforeAll(async () => {
    requirements = await readFile(REQUIREMENTS, 'utf8');
    pins = pinsOf(requirements);
    proxy = await startPypiStandalone();
    clients = await proxy.clients('tree', { token: null });
    upstream = (await readFile(join(proxy.directory, 'data/pypi-upstream-url'), 'utf8')).trim();
    direct = await proxy.clients('direct', { token: null, index: upstream });
    const certificates = process.env['SSL_CERT_FILE'];
    without = { timeoutMs: PATIENCE, environment: { UV_SYSTEM_CERTS: 'true', UV_HTTP_TIMEOUT: '120', ...(certificates !== undefined && { SSL_CERT_FILE: certificates }) } };

    const python = await direct.venv('direct');
    succeeded(await direct.uv(['pip', 'install', '--python', python, ...INSTALL], without), 'direct (uv)');
    truth = await records(python);
  });
  afterAll(async () => {
    process.stdout.write(`\n  real tree of ${Object.keys(pins).length}: ${times.join(', ')}\n`);
    await proxy?.stop();
  });

  it('installs cold what it installs without us, file by file', async () => {
    const python = await clients.venv('cold');

    succeeded(await clients.uv(['pip', 'install', '--python', python, ...INSTALL], { timeoutMs: PATIENCE }), 'cold (uv)');

    expect(Object.keys(pins).length).toBeGreaterThan(75);
    expect(await clients.installed(python)).toEqual(versionsOf(pins));
    expect(await records(python)).toEqual(truth);
  });

  it('installs warm with another client, which reports hashes of the lock', async () => {
    await eventually('every file is stored', async () => (await metric(/^ingest_jobs_pending/)) === 0 && (await metric(/^ingest_outcomes_total\{.*stored/)) >= Object.keys(pins).length, 120_000);
    await clients.wipeCaches();
    const python = await clients.venv('warm');
    const report = join(clients.directory, 'warm.json');

    succeeded(await clients.pip([...PIP_INSTALL, '--report', report], { python, timeoutMs: PATIENCE }), 'warm (pip)');
    files = await reported(report);

    expect(await clients.installed(python)).toEqual(versionsOf(pins));
    expect(Object.keys(files).sort()).toEqual(Object.keys(pins).sort());
    expect(Object.entries(files).filter(([name, { sha256 }]) => pins[name]?.hashes.includes(sha256) !== true)).toEqual([]);
  });

  it('installs from OCI alone, restarted with upstream off and every cache wiped', async () => {
    proxy = await proxy.restart({ environment: { PYPI_UPSTREAM_URL: 'off' } });
    await clients.wipeCaches();
    const [byUv, byPip] = [await clients.venv('held-uv'), await clients.venv('held-pip')];
    const report = join(clients.directory, 'held.json');

    succeeded(await clients.uv(['pip', 'install', '--python', byUv, ...INSTALL], { timeoutMs: PATIENCE }), 'held (uv)');
    succeeded(await clients.pip([...PIP_INSTALL, '--report', report], { python: byPip, timeoutMs: PATIENCE }), 'held (pip)');
    const used = await runCommand(byPip, ['-c', 'import numpy, pandas, django, fastapi, lxml.etree, cryptography; print(pandas.DataFrame({"a": [1, 2]}).sum().a)'], { cwd: clients.directory });

    expect(await clients.installed(byUv)).toEqual(versionsOf(pins));
    expect(await records(byUv)).toEqual(truth);
    expect(await clients.installed(byPip)).toEqual(versionsOf(pins));
    expect(await reported(report)).toEqual(files);
    expect(used.stdout.trim(), used.output).toBe('3');
  });

  it('resolves anew from what is held: each project with the file that was installed', async () => {
    await clients.wipeCaches();
    const output = join(clients.directory, 'held.txt');

    // For this machine: the lock's settings are for another one, which might take other wheels.
    succeeded(await clients.uv(['pip', 'compile', join(TREE, 'requirements.in'), '--quiet', '--generate-hashes', ...WHEELS, '--output-file', output]));
    const held = pinsOf(await readFile(output, 'utf8'));

    // Not all: the lock has what the oldest patch release of its Python needs besides.
    expect(Object.keys(held).length).toBeGreaterThan(75);
    expect(Object.fromEntries(Object.entries(pins).map(([name, { version }]) => [name, { version, hashes: [files[name]?.sha256] }]))).toMatchObject(held);
  });

  it('is refused by a client whose lock has another hash', async () => {
    const changed = join(clients.directory, 'changed.txt');
    await writeFile(changed, `six==${pins['six']?.version} --hash=sha256:${'0'.repeat(64)}\n`);
    const python = await clients.venv('changed');

    const refused = await clients.uv(['pip', 'install', '--python', python, '--require-hashes', ...WHEELS, '-r', changed]);

    expect(refused.code, refused.output).not.toBe(0);
    expect(refused.output).toMatch(/hash mismatch|no matching hash|not match/i);
  });

  it('holds the very bytes, one plain OCI artifact a file', async () => {
    const layouts = join(proxy.directory, 'data/oci/pypi');

    const held = await Promise.all((await readdir(layouts)).map(async (name) => [name, await heldWheels(join(layouts, name))]));

    expect(Object.fromEntries(held)).toEqual(Object.fromEntries(Object.entries(files).map(([name, { filename, sha256 }]) => [name, { [filename]: sha256 }])));
  });

  it('left artifacts that skopeo reads', async () => {
    const { filename, sha256 } = files['numpy'] ?? { filename: '', sha256: '' };
    const source = `oci:${join(proxy.directory, 'data/oci/pypi/numpy')}:${filename}`;
    const copy = join(proxy.directory, 'copy');

    const inspected = await runCommand('skopeo', ['inspect', '--raw', source], { cwd: proxy.directory });
    const copied = await runCommand('skopeo', ['copy', source, `dir:${copy}`], { cwd: proxy.directory });

    expect(inspected.code, inspected.output).toBe(0);
    expect(JSON.parse(inspected.stdout)).toMatchObject({ artifactType: FILE_TYPE });
    expect(copied.code, copied.output).toBe(0);
    expect(await sha256Of(join(copy, sha256))).toBe(sha256);
  });

  it('resolves to what it resolves to without us, byte for byte, once upstream is on again', async () => {
    // Last, as uv reads of wheels for the platform of the lock, which need not be this machine's: those are stored too.
    proxy = await proxy.restart({ environment: { PYPI_UPSTREAM_URL: upstream } });
    await clients.wipeCaches();

    const through = await resolved(clients, 'through');
    const now = await resolved(direct, 'direct', without);

    expect(through).toBe(now);
    if (now !== requirements) {
      process.stdout.write('\n  the index itself has changed since the fixture was made: make it anew, as its uv.toml says\n');
    }
  });
});
