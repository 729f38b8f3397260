import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { eventually, type PythonClients, runCommand, WORKSPACE_ROOT } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type PypiStandalone, startPypiStandalone } from './pypi-standalone.ts';

const REQUIREMENTS = join(WORKSPACE_ROOT, 'libs/testing/fixtures/python-tree/requirements.txt');

/** Part of pip's installation report. */
interface Report {
  readonly install: readonly { readonly metadata: { readonly name: string; readonly version: string }; readonly download_info: { readonly url: string; readonly archive_info: { readonly hashes: { readonly sha256: string } } } }[];
}

/** sha256 by the file name of each wheel that was or would be installed. */
function hashesOf(report: string): Readonly<Record<string, string>> {
  const { install } = JSON.parse(report) as Report;
  return Object.fromEntries(install.map(({ download_info: { url, archive_info } }) => [decodeURIComponent(url.split('/').at(-1) ?? ''), archive_info.hashes.sha256]));
}

describe('a real tree: numpy, pandas, web frameworks and what they need', () => {
  let proxy: PypiStandalone;
  let direct: Readonly<Record<string, string>>;
  let clients: PythonClients;

  // No upstream is configured: the default is what the machine's own pip uses.
  beforeAll(async () => {
    proxy = await startPypiStandalone();
    clients = await proxy.clients('tree', { token: null });
    const python = await clients.venv('direct');
    const environment = Object.fromEntries(Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--dry-run', '--no-deps', '--only-binary=:all:', '--report', '-', '--requirement', REQUIREMENTS];
    const report = await runCommand(python, pip, { cwd: proxy.directory, environment: { ...environment, ...clients.pipEnvironment() } });
    expect(report.code, report.output).toBe(0);
    direct = hashesOf(report.stdout);
  });
  afterAll(() => proxy?.stop());

  /** Installs the tree with pip into a new environment. @returns what it was made of. */
  async function installed(label: string): Promise<Readonly<Record<string, string>>> {
    const python = await clients.venv(label);
    const report = join(clients.directory, `${label}.json`);
    const parameters = ['install', '--quiet', '--no-compile', '--no-deps', '--only-binary=:all:', '--report', report, '--requirement', REQUIREMENTS];
    const result = await clients.pip(parameters, { python });
    expect(result.code, result.output).toBe(0);
    const imported = await runCommand(python, ['-c', 'import numpy, pandas, django, fastapi, flask; print(pandas.DataFrame({"a": [1, 2]}).sum().a)'], { cwd: clients.directory });
    expect(imported.stdout.trim(), imported.output).toBe('3');
    return hashesOf(await readFile(report, 'utf8'));
  }

  async function metric(pattern: RegExp): Promise<number> {
    const text = await (await fetch(`${proxy.metrics}/metrics`)).text();
    return text.split('\n').filter((line) => pattern.test(line)).reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  }

  it('has the same hashes as without us: cold, warm, and from OCI alone with upstream off, restarted and all caches wiped', async () => {
    const count = Object.keys(direct).length;

    const cold = await installed('cold');
    await clients.wipeCaches();
    const warm = await installed('warm');
    await eventually('every file is stored', async () => (await metric(/^ingest_jobs_pending/)) === 0 && (await metric(/^ingest_outcomes_total\{.*stored/)) >= count, 120_000);
    proxy = await proxy.restart({ environment: { PYPI_UPSTREAM_URL: 'off' } });
    await clients.wipeCaches();
    const held = await installed('held');

    expect(count).toBeGreaterThan(70);
    expect(cold).toEqual(direct);
    expect(warm).toEqual(direct);
    expect(held).toEqual(direct);
  });

  it('resolves by itself, and checks hashes that were locked without us', async () => {
    const locked = join(clients.directory, 'locked.txt');
    const wanted = await readFile(REQUIREMENTS, 'utf8');
    const hashes = new Set(Object.values(direct));
    // uv reads every metadata document of the tree, which pip --no-deps does not.
    const compiled = await clients.uv(['pip', 'compile', '--quiet', '--no-header', '--no-annotate', '--generate-hashes', '--only-binary', ':all:', '--output-file', locked, REQUIREMENTS]);
    const python = await clients.venv('locked');

    const synced = await clients.uv(['pip', 'sync', '--require-hashes', '--python', python, locked]);

    expect(compiled.code, compiled.output).toBe(0);
    expect(synced.code, synced.output).toBe(0);
    const text = await readFile(locked, 'utf8');
    expect([...hashes].filter((hash) => !text.includes(hash))).toEqual([]);
    expect(Object.keys(await clients.installed(python))).toHaveLength(wanted.trim().split('\n').length);
    await writeFile(locked, text.replaceAll(/sha256:[0-9a-f]{8}/g, 'sha256:00000000'));
    const refused = await clients.uv(['pip', 'sync', '--require-hashes', '--reinstall', '--refresh', '--python', python, locked]);
    expect(refused.code, refused.output).not.toBe(0);
  });
});
