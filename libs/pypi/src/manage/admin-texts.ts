import type { ProjectStatus } from '../model/project-page.ts';
import type { FileState, ProjectState, VersionState } from './project-states.ts';
import type { RemovalResult } from './removals.ts';
import type { YankResult } from './yanks.ts';

/** How a yank ended, in one line. */
export function yankLine({ name, version, filename, yanked, changed }: YankResult): string {
  const subject = filename ?? `${name} ${version ?? ''}`;
  const state = yanked === null ? 'not yanked' : `yanked${reasonIn(yanked)}`;
  return changed ? `${subject}: ${state} now` : `${subject}: ${state}, as before`;
}

/** What was deleted: a line for each file. */
export function removalLines({ name, removed }: RemovalResult): string[] {
  return removed.length === 0 ? [`${name}: deleted before`] : removed.map((filename) => `deleted ${filename}`);
}

/** The status of a project, in one line. */
export function statusLine({ name, status, reason, changed }: ProjectStatus & { readonly name: string; readonly changed?: boolean }): string {
  const line = `${name}: ${status}${reasonIn(reason ?? '')}`;
  return changed === undefined ? line : `${line}${changed ? ' now' : ', as before'}`;
}

/** All there is of a project: a line for itself, each version and each file. */
export function stateLines({ name, status, origin, versions, deleted }: ProjectState): string[] {
  const head = [name, origin === null ? 'no files' : origin, status === null ? 'active' : `${status.status}${reasonIn(status.reason ?? '')}`];
  return [
    `${head.join(', ')}${deleted === 0 ? '' : `, ${deleted} deleted`}`,
    ...versions.flatMap((version) => [versionLine(version), ...version.files.map(fileLine)]),
  ];
}

function versionLine({ version, yanked }: VersionState): string {
  return `  ${version ?? '(no version)'}${yanked === null ? '' : `  yanked${reasonIn(yanked)}`}`;
}

function fileLine({ filename, size, held, origin, yanked }: FileState): string {
  const facts = [origin, held ? 'held' : 'not held', ...(size === null ? [] : [`${size} bytes`]), ...(yanked === null ? [] : ['yanked'])];
  return `    ${filename}  ${facts.join(', ')}`;
}

function reasonIn(reason: string): string {
  return reason === '' ? '' : ` (${reason})`;
}
