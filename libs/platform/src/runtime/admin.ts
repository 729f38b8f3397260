import { isProxyError, ProxyError, toProxyError } from '@oci-package-proxy/errors';

import { createLogger } from '../logging/logger.ts';
import { trustSystemAuthorities } from '../tls/trusted-authorities.ts';
import type { AdminCommand } from './admin-command.ts';
import { loadAppConfig } from './app-config.ts';
import { createRuntime } from './create-runtime.ts';
import type { EcosystemDefinition } from './ecosystem.ts';

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
 * Runs one command, `<ecosystem> <command> …` with `--json` anywhere, prints what it says and ends the process: 0 done, 1 failed, 64
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
    await run(options, { args, json, signal: interrupt.signal });
    process.exit(EXIT.ok);
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

async function run({ ecosystems, by }: AdminOptions, { args, json, signal }: Call): Promise<void> {
  const config = await loadAppConfig({ name: 'admin', port: 0, metricsPort: 0 }, ecosystems, { standalone: false, listens: false, admin: true });
  const logger = createLogger({ name: 'admin', level: 'warn', destination: { write: (line) => void process.stderr.write(line) } });
  const runtime = await createRuntime(config, logger);
  try {
    const commands = new Map<string, readonly AdminCommand[]>();
    for (const definition of ecosystems) {
      const { name, section } = { name: definition.name, section: config.sections[definition.name] };
      const ecosystem = await definition.create({ runtime, prefix: '', root: '', values: config.values, section });
      commands.set(name, ecosystem.commands ?? []);
    }
    const [ecosystem = '', name = '', ...rest] = args;
    const command = commands.get(ecosystem)?.find((known) => known.name === name);
    if (command === undefined) {
      throw new ProxyError('invalid', usage(commands));
    }
    const result = await command.run(rest, { by, signal, progress: (line) => void process.stderr.write(`${line}\n`) });
    process.stdout.write(json ? `${JSON.stringify(result.data)}\n` : result.text.map((line) => `${line}\n`).join(''));
  } finally {
    await runtime.close();
  }
}

function usage(commands: ReadonlyMap<string, readonly AdminCommand[]>): string {
  const lines = [...commands].flatMap(([ecosystem, known]) => known.map((command) => `  ${ecosystem} ${command.name} ${command.usage}\n      ${command.summary}`));
  return ['Usage: npm run admin -- <command> [--json]', ...lines].join('\n');
}
