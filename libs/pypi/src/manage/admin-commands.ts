import { type AdminCommand, type AdminResult, type CommandLine, commandOf, type CommandSketch, jsonOf, WrongCall } from '@oci-package-proxy/platform';

import { versionOfFilename } from '../names/filename.ts';
import { normalizedName } from '../names/project-name.ts';
import { canonicalVersion } from '../names/version.ts';
import type { Management } from './management.ts';
import { removalLines, stateLines, statusLine, yankLine } from './admin-texts.ts';
import { isStatusMarker, STATUS_MARKERS } from './statuses.ts';
import type { YankTarget } from './yanks.ts';

/** What operators can do to projects from the command line: the same use cases as the management API. */
export function pypiCommands(management: Management): AdminCommand[] {
  return [yankCommand(management), unyankCommand(management), deleteCommand(management), statusCommand(management), showCommand(management)].map(commandOf);
}

function yankCommand({ yanks }: Management): CommandSketch {
  return {
    name: 'yank',
    usage: '<project> (<version> | --file <filename>) [--reason <text>]',
    summary: 'Marks a version, or one file, as not to be installed unless it is asked for exactly.',
    options: { reason: { type: 'string' }, file: { type: 'string' } },
    run: async (given, { by, signal }) => {
      const { name, target } = targetOf(given);
      const result = await yanks.yank(name, target, { by, signal, reason: given.text('reason') ?? '' });
      return { text: [yankLine(result)], data: jsonOf(result) };
    },
  };
}

function unyankCommand({ yanks }: Management): CommandSketch {
  return {
    name: 'unyank',
    usage: '<project> (<version> | --file <filename>)',
    summary: 'Takes a yank back; what upstream yanked stays so.',
    options: { file: { type: 'string' } },
    run: async (given, { by, signal }) => {
      const { name, target } = targetOf(given);
      const result = await yanks.unyank(name, target, { by, signal });
      return { text: [yankLine(result)], data: jsonOf(result) };
    },
  };
}

function deleteCommand({ removals }: Management): CommandSketch {
  return {
    name: 'delete',
    usage: '<project> (--version <version> | --file <filename> | --all)',
    summary: 'Deletes files for good, also those that upstream lists; their names can never be used again.',
    options: { version: { type: 'string' }, file: { type: 'string' }, all: { type: 'boolean' } },
    run: async (given, { by, signal }) => {
      const [name] = projectAnd(given, 0);
      const [version, file, all] = [given.text('version'), given.text('file'), given.is('all')];
      if ([version !== undefined, file !== undefined, all].filter(Boolean).length !== 1) {
        throw new WrongCall('Say either --version, --file or --all');
      }
      const call = { by, signal };
      if (file !== undefined) {
        return removed(await removals.file(name, file, call));
      }
      return removed(version === undefined ? await removals.project(name, call) : await removals.version(name, version, call));
    },
  };
}

function statusCommand({ statuses }: Management): CommandSketch {
  return {
    name: 'status',
    usage: `<project> [${STATUS_MARKERS.join(' | ')} [--reason <text>]]`,
    summary: 'Shows or sets the status of a project; archived and quarantined ones take no uploads, quarantined ones show no files.',
    options: { reason: { type: 'string' } },
    run: async (given, { by, signal }) => {
      const [name, status] = projectAnd(given, 1);
      if (status === undefined) {
        if (given.text('reason') !== undefined) {
          throw new WrongCall('A reason takes a status');
        }
        const current = { name, ...(await statuses.get(name, { signal })) };
        return { text: [statusLine(current)], data: jsonOf(current) };
      }
      if (!isStatusMarker(status)) {
        throw new WrongCall(`${JSON.stringify(status)} is no status`);
      }
      const result = await statuses.set(name, { status, reason: given.text('reason') ?? null }, { by, signal });
      return { text: [statusLine(result)], data: jsonOf(result) };
    },
  };
}

function showCommand({ states }: Management): CommandSketch {
  return {
    name: 'show',
    usage: '<project>',
    summary: 'Shows the versions and files of a project, here and at upstream, with what was yanked and deleted.',
    options: {},
    run: async (given, { signal }) => {
      const [name] = projectAnd(given, 0);
      const state = await states.get(name, { signal });
      return { text: stateLines(state), data: jsonOf(state) };
    },
  };
}

/** The project, normalized, and at most `more` other arguments. */
function projectAnd({ positionals }: CommandLine, more: number): readonly [string, ...(string | undefined)[]] {
  const [project, ...rest] = positionals;
  if (project === undefined) {
    throw new WrongCall('The name of the project is missing');
  }
  if (rest.length > more) {
    throw new WrongCall(`${JSON.stringify(rest[more])} is too much`);
  }
  return [normalizedName(project), ...rest];
}

function targetOf(given: CommandLine): { readonly name: string; readonly target: YankTarget } {
  const [name, version] = projectAnd(given, 1);
  const filename = given.text('file');
  if (filename !== undefined) {
    const told = versionOfFilename(filename, name);
    if (version !== undefined && (told === null || canonicalVersion(told) !== canonicalVersion(version))) {
      throw new WrongCall(`${JSON.stringify(filename)} is no file of version ${JSON.stringify(version)}`);
    }
    return { name, target: { filename } };
  }
  if (version === undefined) {
    throw new WrongCall('The version is missing');
  }
  return { name, target: { version } };
}

function removed(result: { readonly name: string; readonly removed: readonly string[] }): AdminResult {
  return { text: removalLines(result), data: jsonOf(result) };
}
