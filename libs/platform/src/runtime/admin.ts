import { isProxyError, ProxyError, toProxyError } from '@oci-package-proxy/errors';

import { createLogger } from '../logging/logger.ts';
import { trustSystemAuthorities } from '../tls/trusted-authorities.ts';
import type { AdminCommand } from './admin-command.ts';
import { type AppConfig, loadAppConfig } from './app-config.ts';
import { createRuntime } from './create-runtime.ts';
import type { Ecosystem, EcosystemDefinition } from './ecosystem.ts';
import { housekeepingCommands } from './housekeeping-commands.ts';
import { packagePlaces } from './package-places.ts';
import type { Runtime } from './runtime.ts';

/** What the command line can do. */
export interface AdminOptions {
  readonly ecosystems: readonly EcosystemDefinition[];
  /** Without the program's own name. */
  readonly args: readonly string[];
  /** As the events that are written will say. */
  readonly by: string;
}

/** Exit codes: https://man.openbsd.org/sysexits for what is wrong with the call or the configuration. */
const EXIT = { ok: 0, failed: 1, usage: 64, config: 78, interrupted: 130 } as const;

/**
 * Runs one command, `<ecosystem> <command> …` or one that belongs to no ecosystem, with `--json` anywhere, prints what it says and ends the process: 0 done, 1 failed, 64
 * called wrongly, 78 badly configured, 130 interrupted. Results go to standard output; progress, errors and logs to standard error.
 */
export async function runAdmin(options: AdminOptions): Promise<never> {
  const interrupt = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => interrupt.abort(new ProxyError('aborted', 'interrupted')));
  }
  trustSystemAuthorities();
  const json = options.args.includes('--json');
  const args = options.args.filter((argument) => argument !== '--json');
  try {
    process.exit((await run(options, { args, json, signal: interrupt.signal })) ? EXIT.ok : EXIT.failed);
  } catch (error) {
    const failure = toProxyError(error, 'admin');
    process.stderr.write(json ? `${JSON.stringify({ error: failure.message, code: failure.code })}\n` : `${failure.message}\n`);
    process.exit(interrupt.signal.aborted ? EXIT.interrupted : exitCodeOf(failure));
  }
}

function exitCodeOf(failure: ProxyError): number {
  if (isProxyError(failure, 'config')) {
    return EXIT.config;
  }
  return isProxyError(failure, 'invalid') ? EXIT.usage : EXIT.failed;
}

interface Call {
  readonly args: readonly string[];
  readonly json: boolean;
  readonly signal: AbortSignal;
}

/** @returns whether all went well. */
async function run({ ecosystems, by }: AdminOptions, { args, json, signal }: Call): Promise<boolean> {
  const config = await loadAppConfig({ name: 'admin', port: 0, metricsPort: 0 }, ecosystems, { standalone: false, listens: false, admin: true });
  const logger = createLogger({ name: 'admin', level: 'warn', destination: { write: (line) => void process.stderr.write(line) } });
  const runtime = await createRuntime(config, logger);
  try {
    const made = await Promise.all(ecosystems.map((definition) => created(definition, { config, runtime })));
    const known: Commands = {
      own: housekeepingCommands({ config, logger, locator: packagePlaces(made) }),
      ecosystems: new Map(made.map(({ name, commands }) => [name, commands ?? []])),
    };
    const { command, rest } = find(known, args);
    const result = await command.run(rest, { by, signal, progress: (line) => void process.stderr.write(`${line}\n`) });
    process.stdout.write(json ? `${JSON.stringify(result.data)}\n` : result.text.map((line) => `${line}\n`).join(''));
    return result.failed !== true;
  } finally {
    await runtime.close();
  }
}

async function created(definition: EcosystemDefinition, { config, runtime }: { readonly config: AppConfig; readonly runtime: Runtime }): Promise<Ecosystem> {
  return definition.create({ runtime, prefix: '', root: '', values: config.values, section: config.sections[definition.name] });
}

interface Commands {
  /** Those of no ecosystem. */
  readonly own: readonly AdminCommand[];
  readonly ecosystems: ReadonlyMap<string, readonly AdminCommand[]>;
}

/** @throws ProxyError `invalid`, with all that there is, when there is no such command. */
function find(known: Commands, args: readonly string[]): { readonly command: AdminCommand; readonly rest: readonly string[] } {
  const [first = '', second = ''] = args;
  const own = known.own.find(({ name }) => name === first);
  const command = own ?? known.ecosystems.get(first)?.find(({ name }) => name === second);
  if (command === undefined) {
    throw new ProxyError('invalid', usage(known));
  }
  return { command, rest: args.slice(command === own ? 1 : 2) };
}

function usage({ own, ecosystems }: Commands): string {
  const lines = [
    ...own.map((command) => linesOf('', command)),
    ...[...ecosystems].flatMap(([ecosystem, commands]) => commands.map((command) => linesOf(`${ecosystem} `, command))),
  ];
  return ['Usage: npm run admin -- <command> [--json]', ...lines].join('\n');
}

function linesOf(ecosystem: string, { name, usage: parameters, summary }: AdminCommand): string {
  return `  ${ecosystem}${name} ${parameters}\n      ${summary}`;
}
