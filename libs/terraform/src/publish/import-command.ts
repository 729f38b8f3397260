import { type AdminCommand, type AdminContext, type AdminResult, type CommandLine, commandOf, WrongCall } from '@oci-package-proxy/platform';

import type { ProviderAddress } from '../model/address.ts';
import { providerText } from '../model/address.ts';
import { isPublishable } from '../versions/version.ts';
import type { ImportedVersion, OriginalImport } from './import-original.ts';

const NAME = /^([\p{L}\p{N}-]+)\/([\p{L}\p{N}-]+)$/u;

/** What {@link importCommand} needs. */
export interface ImportCommandOptions {
  readonly imports: Pick<OriginalImport, 'run'>;
  /** The host in the addresses of what is published here. */
  readonly own: string;
}

/** The command that takes over what the original project has stored. */
export function importCommand(options: ImportCommandOptions): AdminCommand {
  return commandOf({
    name: 'import',
    usage: '<repository> [<namespace>/<type>] [--version <version>]',
    summary: 'Takes over the provider versions that the original oci-package-proxy stored in a repository of the same registry; its name is given below the prefix of STORAGE_URL.',
    options: { version: { type: 'string' } },
    run: (given, context) => run(given, context, options),
  });
}

interface Arguments {
  readonly repository: string;
  readonly address: ProviderAddress;
  readonly version: string | null;
}

async function run(given: CommandLine, { by, signal, progress }: AdminContext, { imports, own }: ImportCommandOptions): Promise<AdminResult> {
  const { repository, address, version } = argumentsIn(given, own);
  const imported = await imports.run({ repository, address, version, by, signal, onVersion: (one) => progress(`${one.tag}: ${one.outcome}`) });
  const count = (outcome: ImportedVersion['outcome']): number => imported.filter((one) => one.outcome === outcome).length;
  return {
    text: [...imported.flatMap(linesOf), `${providerText(address)}: ${count('created')} taken over, ${count('same')} there before, ${count('skipped')} skipped`],
    data: { provider: providerText(address), repository, versions: imported.map((one) => ({ ...one })) },
  };
}

function linesOf({ tag, outcome, reason, warnings }: ImportedVersion): readonly string[] {
  const said = { created: 'taken over', same: 'there before', skipped: `skipped: ${reason}` }[outcome];
  return [`${tag}: ${said}`, ...warnings.map((warning) => `  ${warning}`)];
}

function argumentsIn(given: CommandLine, own: string): Arguments {
  const [repository = '', name = repository.split('/').slice(-2).join('/'), ...rest] = given.positionals;
  const [, namespace, type] = NAME.exec(name) ?? [];
  const version = given.text('version') ?? null;
  if (repository === '' || rest.length > 0) {
    throw new WrongCall(repository === '' ? 'The repository is missing' : `${JSON.stringify(rest[0])} is too much`);
  }
  if (namespace === undefined || type === undefined) {
    throw new WrongCall(`${JSON.stringify(name)} is no provider, as acme/demo`);
  }
  if (version !== null && !isPublishable(version)) {
    throw new WrongCall(`${JSON.stringify(version)} is no version, as 1.2.3`);
  }
  return { repository, address: { host: own, namespace: namespace.toLowerCase(), type: type.toLowerCase() }, version };
}
