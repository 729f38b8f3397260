import { type AdminContext, type AdminResult, type CommandLine, type CommandSketch, exactly, jsonOf, WrongCall } from '@oci-package-proxy/platform';

import { removalLines, stateLines, unblockLine, yankLine } from './admin-texts.ts';
import type { ManagedPackage } from './managed-package.ts';
import type { Management } from './management.ts';
import { PACKAGE_USAGE, packageArgument } from './package-argument.ts';

/** What operators can do to providers and modules from the command line. */
export function packageCommands(management: Management): readonly CommandSketch[] {
  return [yankCommand(management), unyankCommand(management), deleteCommand(management), unblockCommand(management), showCommand(management)];
}

function yankCommand({ yanks, own }: Management): CommandSketch {
  return {
    name: 'yank',
    usage: `${PACKAGE_USAGE} <version> [--reason <text>]`,
    summary: 'Hides a version from lists, so that only who names it exactly has it.',
    options: { reason: { type: 'string' } },
    run: async (given, { by, signal }) => {
      const { managed, version } = versionArgument(given, own);
      const result = await yanks.yank(managed, version, { by, signal, reason: given.text('reason') ?? '' });
      return { text: [yankLine(result)], data: jsonOf(result) };
    },
  };
}

function unyankCommand({ yanks, own }: Management): CommandSketch {
  return {
    name: 'unyank',
    usage: `${PACKAGE_USAGE} <version>`,
    summary: 'Takes a yank back.',
    options: {},
    run: async (given, { by, signal }) => {
      const { managed, version } = versionArgument(given, own);
      const result = await yanks.unyank(managed, version, { by, signal });
      return { text: [yankLine(result)], data: jsonOf(result) };
    },
  };
}

function deleteCommand({ removals, own }: Management): CommandSketch {
  return {
    name: 'delete',
    usage: `${PACKAGE_USAGE} (--version <version> | --all)`,
    summary: 'Deletes versions for good; what is pulled through is blocked too, so that nobody has it from upstream.',
    options: { version: { type: 'string' }, all: { type: 'boolean' } },
    run: async (given, { by, signal }) => {
      const managed = packageAlone(given, own);
      const version = eitherVersionOrAll(given);
      const result = version === null ? await removals.all(managed, { by, signal }) : await removals.version(managed, version, { by, signal });
      return { text: removalLines(result), data: jsonOf(result) };
    },
  };
}

function unblockCommand({ removals, own }: Management): CommandSketch {
  return {
    name: 'unblock',
    usage: `${PACKAGE_USAGE} (--version <version> | --all)`,
    summary: 'Lets deleted versions come from upstream again, but for the files that were stored when they were deleted.',
    options: { version: { type: 'string' }, all: { type: 'boolean' } },
    run: async (given, { by, signal }) => {
      const managed = packageAlone(given, own);
      const result = await removals.unblock(managed, eitherVersionOrAll(given), { by, signal });
      return { text: [unblockLine(result)], data: jsonOf(result) };
    },
  };
}

function showCommand({ states, own }: Management): CommandSketch {
  return {
    name: 'show',
    usage: PACKAGE_USAGE,
    summary: 'Shows the versions of a provider or module, here and at upstream, with what was yanked, blocked and deleted.',
    options: {},
    run: async (given: CommandLine, { signal }: AdminContext): Promise<AdminResult> => {
      const state = await states.get(packageAlone(given, own), { signal });
      return { text: stateLines(state), data: jsonOf(state) };
    },
  };
}

function versionArgument(given: CommandLine, own: string): { readonly managed: ManagedPackage; readonly version: string } {
  const [kind, address, version] = exactly(given, 'kind (provider or module)', 'address', 'version');
  return { managed: packageArgument(kind, address, own), version };
}

function packageAlone(given: CommandLine, own: string): ManagedPackage {
  const [kind, address] = exactly(given, 'kind (provider or module)', 'address');
  return packageArgument(kind, address, own);
}

/** Null: all. */
function eitherVersionOrAll(given: CommandLine): string | null {
  const version = given.text('version') ?? null;
  if ((version !== null) === given.is('all')) {
    throw new WrongCall('Say either --version or --all');
  }
  return version;
}
