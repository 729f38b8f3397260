import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type CommandResult, runCommand } from '../command.ts';

/** How one run of a client differs from the others. */
export interface TerraformRun {
  /** A project of {@link TerraformClient.project}; the client's own directory when absent. */
  readonly cwd?: string;
  /** On top of what every run of that client gets; null removes. */
  readonly environment?: Readonly<Record<string, string | null>>;
  readonly input?: string;
  readonly timeoutMs?: number;
}

/** `terraform` or `tofu` with a home and a configuration of its own. */
export interface TerraformClient {
  readonly directory: string;
  readonly home: string;
  /** What every run gets, for programs that a test starts itself. */
  readonly environment: Readonly<Record<string, string>>;
  readonly binary: string;
  /** Runs it with `-no-color` where that is known. */
  run(parameters: readonly string[], how?: TerraformRun): Promise<CommandResult>;
  /** Replaces the configuration. */
  configure(text: string): Promise<void>;
  /** Makes a directory with these files in place of what was there. @returns its path. */
  project(label: string, files: Readonly<Record<string, string>>): Promise<string>;
  /** `.terraform.lock.hcl` of a project; empty where there is none. */
  lock(project: string): Promise<string>;
  /** Removes what a project has installed, and keeps its lock file. */
  forget(project: string): Promise<void>;
}

/** How a client is set up. */
export interface TerraformClientOptions {
  readonly directory: string;
  /** The program: a path, or a name that is on PATH. */
  readonly binary: string;
  /** Text of the CLI configuration: see {@link cliConfig}. */
  readonly config?: string;
  /** What it is to trust: a PEM file. */
  readonly caFile?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Makes a client whose directory is made too. */
export async function terraformClient(options: TerraformClientOptions): Promise<TerraformClient> {
  const { directory, binary } = options;
  const home = join(directory, 'home');
  // Credentials are saved there, and it is not made when the configuration is somewhere else.
  await mkdir(join(home, '.terraform.d'), { recursive: true });
  const configFile = join(directory, 'client.tfrc');
  await writeFile(configFile, options.config ?? '');
  const environment = {
    HOME: home,
    XDG_CONFIG_HOME: join(home, '.config'),
    XDG_DATA_HOME: join(home, '.local/share'),
    XDG_RUNTIME_DIR: join(home, '.run'),
    // Providers listen on a socket there, whose whole path may have 107 bytes: no deeper directory would do.
    TMPDIR: tmpdir(),
    TF_CLI_CONFIG_FILE: configFile,
    TF_IN_AUTOMATION: '1',
    TF_INPUT: '0',
    CHECKPOINT_DISABLE: '1',
    LANG: 'C.UTF-8',
    ...(options.caFile !== undefined && { SSL_CERT_FILE: options.caFile }),
    ...options.environment,
  };
  return {
    directory,
    home,
    environment,
    binary,
    run: async (parameters, how = {}) =>
      runCommand(binary, parameters, { cwd: how.cwd ?? directory, environment: merged(environment, how.environment), timeoutMs: how.timeoutMs ?? 120_000, ...(how.input !== undefined && { input: how.input }) }),
    configure: async (text) => writeFile(configFile, text),
    project: async (label, files) => {
      const path = join(directory, 'projects', label);
      await rm(path, { recursive: true, force: true });
      await mkdir(path, { recursive: true });
      for (const [name, text] of Object.entries(files)) {
        await writeFile(join(path, name), text);
      }
      return path;
    },
    lock: async (project) => readFile(join(project, '.terraform.lock.hcl'), 'utf8').catch(() => ''),
    forget: async (project) => rm(join(project, '.terraform'), { recursive: true, force: true }),
  };
}

function merged(base: Readonly<Record<string, string>>, change: Readonly<Record<string, string | null>> = {}): Record<string, string> {
  const both = Object.entries({ ...base, ...change });
  return Object.fromEntries(both.flatMap(([name, value]) => (value === null ? [] : [[name, value]])));
}
