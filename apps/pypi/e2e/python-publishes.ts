import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { type CommandResult, type PackageFile, pyproject, type PythonClients, sdistFile, UPLOAD_REPOSITORY, wheelFile } from '@oci-package-proxy/testing';

import type { Client } from './client-matrix.ts';

/** Clients that publish. */
export type Publisher = Extract<Client, 'twine' | 'uv' | 'poetry' | 'pdm' | 'hatch' | 'flit'>;

/** What is published, and how. */
export interface Publish {
  readonly clients: PythonClients;
  readonly name: string;
  readonly version: string;
  /** Stands in a module of the files: another text makes other bytes. */
  readonly content?: string;
  /** Further parameters of the command that publishes. */
  readonly parameters?: readonly string[];
  readonly environment?: Readonly<Record<string, string | null>>;
}

/** The files that are published: a wheel and a source distribution. */
export function distribution({ name, version, content = 'first' }: Pick<Publish, 'name' | 'version' | 'content'>): readonly PackageFile[] {
  const files = { 'extra.py': `CONTENT = '${content}'\n` };
  return [wheelFile({ name, version, files, extraMetadata: ['Summary: made by a test'] }), sdistFile({ name, version, files, extraMetadata: ['Summary: made by a test'] })];
}

/** Publishes a wheel and a source distribution with a real client; flit builds them itself. */
export async function publish(client: Publisher, what: Publish): Promise<CommandResult> {
  const cwd = join(what.clients.directory, 'publish', `${client}-${what.name}-${what.version}`);
  await rm(cwd, { recursive: true, force: true });
  await mkdir(join(cwd, 'dist'), { recursive: true });
  const how = { cwd, environment: what.environment };
  const more = what.parameters ?? [];
  if (client === 'flit') {
    await writeFlitProject(cwd, what);
    return what.clients.flit(['publish', ...more], how);
  }
  const paths: string[] = [];
  for (const file of distribution(what)) {
    const path = join('dist', file.filename);
    await writeFile(join(cwd, path), file.bytes);
    paths.push(path);
  }
  await writeFile(join(cwd, 'pyproject.toml'), pyproject({ name: what.name, version: what.version }));
  switch (client) {
    case 'twine':
      return what.clients.twine(['upload', '--disable-progress-bar', ...more, ...paths], how);
    case 'uv':
      return what.clients.uv(['publish', ...more, ...paths], how);
    case 'poetry':
      return what.clients.poetry(['publish', '--repository', UPLOAD_REPOSITORY, ...more], how);
    case 'pdm':
      return what.clients.pdm(['publish', '--no-build', ...more], how);
    case 'hatch':
      return what.clients.hatch(['publish', '--no-prompt', ...more, ...paths], how);
  }
}

async function writeFlitProject(cwd: string, { name, version, content = 'first' }: Publish): Promise<void> {
  const module = name.replaceAll('-', '_');
  const project = `[project]\nname = "${name}"\nversion = "${version}"\ndescription = "made by a test"\n`;
  await writeFile(join(cwd, 'pyproject.toml'), `[build-system]\nrequires = ["flit_core"]\nbuild-backend = "flit_core.buildapi"\n\n${project}`);
  await writeFile(join(cwd, `${module}.py`), `"""Made by a test."""\nCONTENT = '${content}'\n`);
}
