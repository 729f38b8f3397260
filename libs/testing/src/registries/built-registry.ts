import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { WORKSPACE_ROOT } from '../app-process.ts';
import { freePort, startServer, temporaryDirectory } from '../process.ts';
import { testAuthority } from '../test-authority.ts';
import { HTPASSWD, type RegistryAccess, startedRegistry, userAccess } from './registry-access.ts';
import type { StartedRegistry } from './registry-under-test.ts';

/** A registry that `scripts/install-registries.sh` builds. */
export type BuiltRegistry = 'distribution-3' | 'go-containerregistry' | 'ociregistry' | 'zot';

/** The program of a registry; null: it was not built. */
export function builtProgram(name: BuiltRegistry): string | null {
  const program = join(WORKSPACE_ROOT, '.clients/registries', name);
  return existsSync(program) ? program : null;
}

/** The version that is pinned for a registry, with its commit where it has no releases. */
export function pinnedVersion(name: BuiltRegistry): string {
  const line = readFileSync(join(WORKSPACE_ROOT, 'scripts/clients/registries.mods'), 'utf8').split('\n').find((text) => text.startsWith(`${name} `));
  const version = line?.split(' ')[2]?.slice(1) ?? 'unknown';
  const commit = /^0\.0\.0-\d+-(.{7})/.exec(version)?.[1];
  return commit ?? version;
}

/** Starts a small registry that keeps blobs, or what overwrites them, in a directory: `<program> <address> <directory> [quirk ...]`. */
export async function startSmallRegistry(name: 'go-containerregistry' | 'ociregistry', quirks: readonly string[] = []): Promise<StartedRegistry> {
  const directory = await temporaryDirectory('registry');
  const port = await freePort();
  const server = await startServer({ command: programOf(name), arguments: [`127.0.0.1:${port}`, directory, ...quirks], port, directory, debianPackage: name });
  return startedRegistry({ ...server, directory, url: `http://127.0.0.1:${port}` }, {}, (_repository, hex) => join(directory, name === 'ociregistry' ? '' : 'sha256', hex));
}

/** Starts zot. Written from its documentation: no machine of ours could build it yet. */
export async function startZot(auth: 'none' | 'Basic' | 'TLS'): Promise<StartedRegistry> {
  const directory = await temporaryDirectory('registry');
  const port = await freePort();
  const htpasswd = join(directory, 'htpasswd');
  const authority = await testAuthority(directory);
  const { certFile, keyFile } = await authority.certificate();
  await writeFile(htpasswd, HTPASSWD);
  const configuration = {
    distSpecVersion: '1.1.1',
    storage: { rootDirectory: join(directory, 'data') },
    http: {
      address: '127.0.0.1',
      port: String(port),
      ...(auth === 'Basic' && { auth: { htpasswd: { path: htpasswd } } }),
      ...(auth === 'TLS' && { tls: { cert: certFile, key: keyFile } }),
    },
    log: { level: 'error' },
  };
  const file = join(directory, 'config.json');
  await writeFile(file, JSON.stringify(configuration));
  const server = await startServer({ command: programOf('zot'), arguments: ['serve', file], port, directory, debianPackage: 'zot' });
  const accesses: Readonly<Record<typeof auth, RegistryAccess>> = { none: {}, Basic: userAccess(), TLS: { connection: { ca: authority.ca }, storage: { caFile: authority.caFile } } };
  return startedRegistry({ ...server, directory, url: `${auth === 'TLS' ? 'https' : 'http'}://127.0.0.1:${port}` }, accesses[auth], (repository, hex) => join(directory, 'data', repository, 'blobs/sha256', hex));
}

function programOf(name: BuiltRegistry): string {
  const program = builtProgram(name);
  if (program === null) {
    throw new Error(`${name} was not built: bash scripts/install-registries.sh`);
  }
  return program;
}
