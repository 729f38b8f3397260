import { mkdir, readdir, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { WORKSPACE_ROOT } from '../app-process.ts';
import { type CommandResult, runCommand } from '../command.ts';

/** How one run of a client differs from the others. */
export interface PythonRun {
  /** The clients' own directory when absent. */
  readonly cwd?: string;
  /** On top of what every run of that client gets; a text replaces, null removes. */
  readonly environment?: Readonly<Record<string, string | null>>;
  readonly timeoutMs?: number;
  readonly input?: string;
}

/** Which pip, and the environment that it works on. */
export interface PipRun extends PythonRun {
  /** The newest (when absent), one from before JSON, or the machine's own. */
  readonly which?: PipVersion;
  /** Python of the environment to install into, as `venv` returns it. */
  readonly python?: string;
}

/** The pips that the tests have. */
export type PipVersion = 'newest' | 'old' | 'system';

/** A client that has a command of its own. */
export type PythonTool = 'uv' | 'poetry' | 'pdm' | 'hatch' | 'flit' | 'twine' | 'pipenv' | 'build';

type Run = (parameters: readonly string[], options?: PythonRun) => Promise<CommandResult>;

/** The real Python clients with a home, caches and configuration of their own, all pointed at one index. */
export interface PythonClients extends Readonly<Record<PythonTool, Run>> {
  readonly directory: string;
  pip(parameters: readonly string[], options?: PipRun): Promise<CommandResult>;
  /** A fresh virtual environment without pip, at `path` where one is given. @returns the path of its python. */
  venv(label: string, path?: string): Promise<string>;
  /** What a client needs that runs pip inside an environment which has none. */
  pipEnvironment(): Readonly<Record<string, string>>;
  /** Versions by normalized name of what is installed in an environment. */
  installed(python: string): Promise<Readonly<Record<string, string>>>;
  /** Forgets everything that the clients cached. */
  wipeCaches(): Promise<void>;
}

/** What the clients are pointed at. */
export interface PythonClientOptions {
  /** Made when it is not there. */
  readonly directory: string;
  /** Base of the simple pages, with its slash. */
  readonly index: string;
  /** The upload endpoint. */
  readonly upload: string;
  /** What uploads are signed in with, as the password of `__token__`; without it they send nothing. */
  readonly token?: string;
}

const CLIENTS = join(WORKSPACE_ROOT, '.clients');
const COMMANDS: Readonly<Record<PythonTool, string>> = {
  uv: 'uv/bin/uv',
  poetry: 'poetry/bin/poetry',
  pdm: 'pdm/bin/pdm',
  hatch: 'hatch/bin/hatch',
  flit: 'flit/bin/flit',
  twine: 'twine/bin/twine',
  pipenv: 'pipenv/bin/pipenv',
  build: 'build/bin/pyproject-build',
};

/** The name that the upload endpoint has in the clients' configuration, where a client insists on one. */
export const UPLOAD_REPOSITORY = 'proxy';

/** Makes clients in `directory`. @throws Error when they are not installed: `scripts/install-clients.sh` does that. */
export async function pythonClients(options: PythonClientOptions): Promise<PythonClients> {
  const { directory } = options;
  const base = baseEnvironment(directory);
  const environment = { ...base, ...indexEnvironment(options.index), ...uploadEnvironment(options.upload, options.token) };
  await mkdir(base['HOME'] ?? '', { recursive: true });
  const sitePackages = { newest: await sitePackagesOf('pip'), old: await sitePackagesOf('pip-old') };

  const run = (command: string, parameters: readonly string[], how: PythonRun = {}): Promise<CommandResult> =>
    runCommand(command, parameters, {
      cwd: how.cwd ?? directory,
      environment: merged(environment, how.environment),
      timeoutMs: how.timeoutMs,
      input: how.input,
    });
  const tool = (name: PythonTool): Run => (parameters, how) => run(join(CLIENTS, COMMANDS[name]), parameters, how);
  const uv = tool('uv');

  return {
    directory,
    uv,
    poetry: tool('poetry'),
    pdm: tool('pdm'),
    hatch: tool('hatch'),
    flit: tool('flit'),
    twine: tool('twine'),
    pipenv: tool('pipenv'),
    build: tool('build'),
    pip: ([command = '', ...parameters], { which = 'newest', python, ...how } = {}) => {
      if (which === 'system') {
        return run('python3', ['-m', 'pip', ...(python === undefined ? [] : ['--python', python]), command, ...parameters], how);
      }
      // The pip of another environment than the one that it works on: the old one has no --python.
      const from = { PYTHONPATH: sitePackages[which], ...how.environment };
      return run(python ?? join(CLIENTS, 'pip/bin/python'), ['-m', 'pip', command, ...parameters], { ...how, environment: from });
    },
    venv: async (label, path = join(directory, 'environments', label)) => {
      const made = await uv(['venv', '--quiet', '--clear', '--python', join(CLIENTS, 'pip/bin/python'), path]);
      if (made.code !== 0) {
        throw new Error(made.output);
      }
      return join(path, 'bin/python');
    },
    pipEnvironment: () => ({ PYTHONPATH: sitePackages.newest }),
    installed: async (python) => {
      const listed = await uv(['pip', 'list', '--format', 'json', '--python', python]);
      const packages = JSON.parse(listed.stdout) as readonly { name: string; version: string }[];
      return Object.fromEntries(packages.map(({ name, version }) => [name.replace(/[-_.]+/g, '-').toLowerCase(), version]));
    },
    wipeCaches: () => rm(join(directory, 'cache'), { recursive: true, force: true }),
  };
}

/** Where the packages of a client's own environment are. */
async function sitePackagesOf(client: string): Promise<string> {
  const library = join(CLIENTS, client, 'lib');
  if (!existsSync(library)) {
    throw new Error('the Python clients are not installed: bash scripts/install-clients.sh');
  }
  const [version = ''] = await readdir(library);
  return join(library, version, 'site-packages');
}

function merged(base: Readonly<Record<string, string>>, change: Readonly<Record<string, string | null>> = {}): Record<string, string> {
  const both = Object.entries({ ...base, ...change });
  return Object.fromEntries(both.flatMap(([name, value]) => (value === null ? [] : [[name, value]])));
}

/** A home and caches of their own, nothing of the machine's configuration, plain output. */
function baseEnvironment(directory: string): Record<string, string> {
  const cache = join(directory, 'cache');
  const home = join(directory, 'home');
  return {
    HOME: home,
    // What Python version managers find themselves by, whatever the home is.
    ...(process.env['PYENV_ROOT'] !== undefined && { PYENV_ROOT: process.env['PYENV_ROOT'] }),
    LANG: 'C.UTF-8',
    NO_COLOR: '1',
    COLUMNS: '200',
    TERM: 'dumb',
    PYTHONDONTWRITEBYTECODE: '1',
    XDG_CACHE_HOME: cache,
    XDG_CONFIG_HOME: join(home, '.config'),
    XDG_DATA_HOME: join(home, '.local/share'),
    XDG_STATE_HOME: join(home, '.local/state'),
    PYTHON_KEYRING_BACKEND: 'keyring.backends.null.Keyring',
    PIP_CONFIG_FILE: '/dev/null',
    PIP_CACHE_DIR: join(cache, 'pip'),
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    PIP_NO_INPUT: '1',
    // pip caches nothing of plain http, unless it trusts the host; people use https.
    PIP_TRUSTED_HOST: '127.0.0.1',
    UV_CACHE_DIR: join(cache, 'uv'),
    UV_PYTHON_DOWNLOADS: 'never',
    UV_NO_PROGRESS: '1',
    POETRY_CACHE_DIR: join(cache, 'poetry'),
    POETRY_CONFIG_DIR: join(home, '.config/pypoetry'),
    POETRY_VIRTUALENVS_IN_PROJECT: 'true',
    POETRY_KEYRING_ENABLED: 'false',
    POETRY_NO_INTERACTION: '1',
    PDM_CACHE_DIR: join(cache, 'pdm'),
    PDM_CHECK_UPDATE: 'false',
    PDM_NON_INTERACTIVE: '1',
    HATCH_CACHE_DIR: join(cache, 'hatch'),
    HATCH_DATA_DIR: join(home, 'hatch'),
    HATCH_INTERACTIVE: 'false',
    PIPENV_CACHE_DIR: join(cache, 'pipenv'),
    PIPENV_VENV_IN_PROJECT: '1',
    PIPENV_IGNORE_VIRTUALENVS: '1',
    PIPENV_NOSPIN: '1',
    PIPENV_YES: '1',
    TWINE_NON_INTERACTIVE: '1',
    FLIT_ROOT_INSTALL: '1',
    // Builds made twice have the same bytes.
    SOURCE_DATE_EPOCH: '1704067200',
  };
}

/** How each client is told where to look, as its documentation says; poetry knows only what a project's file says. */
function indexEnvironment(index: string): Record<string, string> {
  return { PIP_INDEX_URL: index, UV_DEFAULT_INDEX: index, PDM_PYPI_URL: index, PIPENV_PYPI_MIRROR: index };
}

/** How each client is told where to publish. */
function uploadEnvironment(upload: string, token: string | undefined): Record<string, string> {
  const where = {
    TWINE_REPOSITORY_URL: upload,
    UV_PUBLISH_URL: upload,
    POETRY_REPOSITORIES_PROXY_URL: upload,
    PDM_PUBLISH_REPO: upload,
    HATCH_INDEX_REPO: upload,
    FLIT_INDEX_URL: upload,
  };
  if (token === undefined) {
    return where;
  }
  const names = ['TWINE_USERNAME', 'UV_PUBLISH_USERNAME', 'POETRY_HTTP_BASIC_PROXY_USERNAME', 'PDM_PUBLISH_USERNAME', 'HATCH_INDEX_USER', 'FLIT_USERNAME'];
  const secrets = ['TWINE_PASSWORD', 'UV_PUBLISH_PASSWORD', 'POETRY_HTTP_BASIC_PROXY_PASSWORD', 'PDM_PUBLISH_PASSWORD', 'HATCH_INDEX_AUTH', 'FLIT_PASSWORD'];
  return {
    ...where,
    ...Object.fromEntries(names.map((name) => [name, '__token__'])),
    ...Object.fromEntries(secrets.map((name) => [name, token])),
  };
}
