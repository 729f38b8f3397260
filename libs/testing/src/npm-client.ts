import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { WORKSPACE_ROOT } from './app-process.ts';
import { type CommandResult, runCommand } from './command.ts';

/** The real npm CLI with a home, a cache and a user configuration of its own. */
export interface NpmClient {
  readonly directory: string;
  /** Runs npm in `cwd` (the client's own directory by default). */
  run(parameters: readonly string[], options?: { readonly cwd?: string; readonly timeoutMs?: number; readonly registry?: string; readonly input?: string }): Promise<CommandResult>;
  /** Forgets everything that npm cached. */
  wipeCache(): Promise<void>;
  /** Writes a package of one file (and `extra` files) and returns its directory. */
  makePackage(manifest: { readonly name: string; readonly version: string } & Readonly<Record<string, unknown>>, extra?: Readonly<Record<string, string | Buffer>>): Promise<string>;
  /** A fresh copy of a project of `libs/testing/fixtures`. */
  copyFixture(fixture: string, as: string): Promise<string>;
}

/** Makes an npm client in `directory` for `registry`, signed in with `token` where one is given. */
export async function npmClient(options: { readonly directory: string; readonly registry: string; readonly token?: string }): Promise<NpmClient> {
  const { directory } = options;
  const userConfig = join(directory, '.npmrc');
  await mkdir(directory, { recursive: true });
  const lines = ['fund=false', 'audit=false', 'update-notifier=false', 'fetch-retries=0', 'loglevel=notice'];
  if (options.token !== undefined) {
    lines.push(`${options.registry.replace(/^https?:/, '')}:_authToken=${options.token}`);
  }
  await writeFile(userConfig, `${lines.join('\n')}\n`);
  const cache = join(directory, 'cache');
  const extraCas = process.env['NODE_EXTRA_CA_CERTS'];
  return {
    directory,
    run: (parameters, how = {}) =>
      runCommand('npm', [...parameters, '--registry', how.registry ?? options.registry, '--userconfig', userConfig, '--cache', cache], {
        cwd: how.cwd ?? directory,
        // A machine whose outbound TLS has a CA of its own says so here.
        environment: { HOME: directory, ...(extraCas !== undefined && { NODE_EXTRA_CA_CERTS: extraCas }) },
        timeoutMs: how.timeoutMs,
        input: how.input,
      }),
    wipeCache: () => rm(cache, { recursive: true, force: true }),
    makePackage: async (manifest, extra = {}) => {
      const target = join(directory, 'packages', `${manifest.name.replace('/', '-')}-${manifest.version}`);
      await mkdir(target, { recursive: true });
      await writeFile(join(target, 'package.json'), JSON.stringify(manifest, null, 2));
      for (const [name, content] of Object.entries({ 'index.js': 'module.exports = 1;\n', ...extra })) {
        await writeFile(join(target, name), content);
      }
      return target;
    },
    copyFixture: async (fixture, as) => {
      const target = join(directory, as);
      await rm(target, { recursive: true, force: true });
      await cp(join(WORKSPACE_ROOT, 'libs/testing/fixtures', fixture), target, { recursive: true });
      return target;
    },
  };
}
