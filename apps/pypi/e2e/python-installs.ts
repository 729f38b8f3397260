import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { type CommandResult, type PipVersion, type PythonClients, pyproject } from '@oci-package-proxy/testing';

import type { Client } from './client-matrix.ts';

/** Clients that install. */
export type Installer = Exclude<Client, 'twine'>;

/** What is installed, and how. */
export interface Install {
  readonly clients: PythonClients;
  /** Base of the simple pages, for the clients that want it in a file; may hold credentials. */
  readonly index: string;
  /** Names the environment or project; the same one again is worked on further. */
  readonly label: string;
  /** As PEP 508 writes them. */
  readonly requirements: readonly string[];
  /** Further parameters of the command that resolves. */
  readonly parameters?: readonly string[];
  readonly environment?: Readonly<Record<string, string | null>>;
}

/** How an install ended. */
export interface Installed {
  readonly result: CommandResult;
  /** Versions by normalized name; empty when it failed. */
  readonly packages: Readonly<Record<string, string>>;
  /** Text of the lock file; empty where the client writes none. */
  readonly lock: string;
}

const PIPS: Readonly<Partial<Record<Client, PipVersion>>> = { pip: 'newest', 'pip 21': 'old', 'system pip': 'system' };

/** Installs with a real client into an environment of its own, resolving anew. */
export async function install(client: Installer, what: Install): Promise<Installed> {
  switch (client) {
    case 'pip':
    case 'pip 21':
    case 'system pip':
      return installWithPip(PIPS[client] ?? 'newest', what);
    case 'uv':
      return installWithUv(what);
    case 'poetry':
    case 'pdm':
      return installProject(client, what);
    case 'pipenv':
      return installWithPipenv(what);
    case 'hatch':
      return installWithHatch(what);
    case 'flit':
      return installWithFlit(what);
  }
}

async function installWithPip(which: PipVersion, what: Install): Promise<Installed> {
  const python = await environmentOf(what);
  const result = await what.clients.pip(['install', '--upgrade', ...(what.parameters ?? []), ...what.requirements], { which, python, environment: what.environment });
  return installedIn(python, result, what);
}

/** As a project with a lock file, which is how most people use uv. */
async function installWithUv(what: Install): Promise<Installed> {
  const cwd = await projectOf(what, { 'pyproject.toml': projectFile(what) });
  const locked = await what.clients.uv(['lock', '--upgrade', ...(what.parameters ?? [])], { cwd, environment: what.environment });
  const result = locked.code === 0 ? joined(locked, await what.clients.uv(['sync', '--frozen', '--no-install-project'], { cwd, environment: what.environment })) : locked;
  return installedIn(join(cwd, '.venv/bin/python'), result, what, join(cwd, 'uv.lock'));
}

async function installProject(client: 'poetry' | 'pdm', what: Install): Promise<Installed> {
  const source = client === 'poetry' ? 'tool.poetry.source' : 'tool.pdm.source';
  const tool = client === 'poetry' ? '[tool.poetry]\npackage-mode = false\n' : '[tool.pdm]\ndistribution = false\n';
  // Both read the index from the project's file; pdm's own setting is for its default index, which this one replaces.
  const name = client === 'poetry' ? 'corporate' : 'pypi';
  const text = `${projectFile(what)}\n${tool}\n[[${source}]]\nname = "${name}"\nurl = "${what.index}"\n`;
  const cwd = await projectOf(what, { 'pyproject.toml': text });
  const how = { cwd, environment: what.environment };
  const locked = await what.clients[client](['lock', ...(client === 'poetry' ? ['--regenerate'] : []), ...(what.parameters ?? [])], how);
  const result = locked.code === 0 ? joined(locked, await what.clients[client](['sync'], how)) : locked;
  return installedIn(join(cwd, '.venv/bin/python'), result, what, join(cwd, `${client}.lock`));
}

async function installWithPipenv(what: Install): Promise<Installed> {
  const packages = what.requirements.map((requirement) => {
    const [, name = '', specifier = ''] = /^([\w.-]+)(.*)$/.exec(requirement) ?? [];
    return `${name} = "${specifier === '' ? '*' : specifier}"`;
  });
  const text = `[[source]]\nurl = "${what.index}"\nverify_ssl = false\nname = "corporate"\n\n[packages]\n${packages.join('\n')}\n`;
  const cwd = await projectOf(what, { Pipfile: text });
  // The mirror setting would replace an index that has credentials in its URL.
  const how = { cwd, environment: { PIPENV_PYPI_MIRROR: null, ...what.environment } };
  const locked = await what.clients.pipenv(['lock', '--clear', ...(what.parameters ?? [])], how);
  const result = locked.code === 0 ? joined(locked, await what.clients.pipenv(['sync'], how)) : locked;
  return installedIn(join(cwd, '.venv/bin/python'), result, what, join(cwd, 'Pipfile.lock'));
}

async function installWithHatch(what: Install): Promise<Installed> {
  const dependencies = JSON.stringify(what.requirements);
  const text = `[project]\nname = "consumer"\nversion = "0.1"\n\n[tool.hatch.envs.default]\nskip-install = true\ndependencies = ${dependencies}\n`;
  const cwd = await projectOf(what, { 'pyproject.toml': text });
  const how = { cwd, environment: what.environment };
  // hatch takes braces for fields of its own.
  const script = 'import importlib.metadata as m, json; print("installed " + json.dumps(dict((d.name, d.version) for d in m.distributions())))';
  const result = await what.clients.hatch(['run', 'python', '-c', script], how);
  const listed = /^installed (.*)$/m.exec(result.stdout)?.[1];
  return { result, packages: normalizedKeys(JSON.parse(listed ?? '{}') as Record<string, string>), lock: '' };
}

async function installWithFlit(what: Install): Promise<Installed> {
  const python = await environmentOf(what);
  const text = `[build-system]\nrequires = ["flit_core"]\nbuild-backend = "flit_core.buildapi"\n\n${projectFile(what).replace('[project]', '[project]\ndescription = "consumes"')}`;
  const cwd = await projectOf(what, { 'pyproject.toml': text, 'consumer.py': '"""Consumes."""\n' });
  const result = await what.clients.flit(['install', '--only-deps', '--python', python], { cwd, environment: { ...what.clients.pipEnvironment(), ...what.environment } });
  return installedIn(python, result, what);
}

async function installedIn(python: string, result: CommandResult, what: Install, lock?: string): Promise<Installed> {
  return {
    result,
    packages: result.code === 0 ? await what.clients.installed(python) : {},
    lock: lock === undefined ? '' : await readFile(lock, 'utf8').catch(() => ''),
  };
}

/** The environment of this label, made at its first use. */
async function environmentOf(what: Install): Promise<string> {
  const python = join(what.clients.directory, 'environments', what.label, 'bin/python');
  const there = await access(python).then(() => true, () => false);
  return there ? python : what.clients.venv(what.label);
}

/** The project of this label with these files; its environment is made here, which is faster than the clients do it. */
async function projectOf(what: Install, files: Readonly<Record<string, string>>): Promise<string> {
  const path = join(what.clients.directory, 'projects', what.label);
  const isNew = (await mkdir(path, { recursive: true })) !== undefined;
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(path, name), text);
  }
  if (isNew) {
    await what.clients.venv(what.label, join(path, '.venv'));
  }
  return path;
}

function projectFile(what: Install): string {
  const text = pyproject({ name: 'consumer', version: '0.1', requires: what.requirements, requiresPython: '>=3.10' });
  return text.slice(text.indexOf('[project]'));
}

function joined(first: CommandResult, second: CommandResult): CommandResult {
  return {
    code: second.code,
    stdout: first.stdout + second.stdout,
    stderr: first.stderr + second.stderr,
    output: first.output + second.output,
    elapsedMs: first.elapsedMs + second.elapsedMs,
  };
}

function normalizedKeys(packages: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(packages).map(([name, version]) => [name.replace(/[-_.]+/g, '-').toLowerCase(), version]));
}
