import type { StoredKey } from '../publish/publish-port.ts';
import type { PackageState, VersionState } from './package-states.ts';
import type { RemovalResult, UnblockResult } from './removals.ts';
import type { YankResult } from './yanks.ts';

/** How a yank ended, in one line. */
export function yankLine({ name, version, yanked, changed }: YankResult): string {
  const state = yanked === null ? 'not yanked' : `yanked${reasonIn(yanked)}`;
  return `${name} ${version}: ${state}${changed ? ' now' : ', as before'}`;
}

/** What was deleted: a line for each version, and what is blocked. */
export function removalLines({ name, removed, blocked, warnings }: RemovalResult): string[] {
  const lines = removed.length === 0 ? [`${name}: deleted before`] : removed.map((version) => `deleted ${name} ${version}`);
  const block = blocked === 'package' ? [`${name}: nothing of it comes from upstream any more`] : [];
  return [...lines, ...block, ...warnings.map((warning) => `warning: ${warning}`)];
}

/** How a block was taken back, in one line. */
export function unblockLine({ name, version, changed }: UnblockResult): string {
  const subject = version === null ? name : `${name} ${version}`;
  return changed ? `${subject}: not blocked now` : `${subject}: not blocked, as before`;
}

/** A key, in one line. */
export function keyLine({ keyId, fingerprint, source, expires, addedAt, addedBy }: StoredKey): string {
  const facts = [...(source === '' ? [] : [source]), `added ${addedAt} by ${addedBy}`, ...(expires === null ? [] : [`expires ${expires}`])];
  return `${keyId}  ${fingerprint}  ${facts.join(', ')}`;
}

/** All there is of a package: a line for itself, each stored version and its files, and one for what is only listed upstream. */
export function stateLines({ kind, name, origin, versions, blocked, deleted, upstream, keys }: PackageState): string[] {
  const head = [`${kind} ${name}`, origin ?? 'nothing stored', ...(deleted === 0 ? [] : [`${deleted} deleted`])];
  const shown = versions.filter(({ held, yanked }) => held || yanked !== null);
  const rest = versions.length - shown.length;
  return [
    head.join(', '),
    ...shown.flatMap((version) => [versionLine(version), ...version.files.map(({ platform, sha256, size }) => `    ${[platform ?? 'archive', ...(size === null ? [] : [`${size} bytes`]), sha256].join('  ')}`)]),
    ...(rest === 0 ? [] : [`  ${rest} more at ${upstream?.host ?? 'upstream'} that nobody asked for yet`]),
    ...(blocked.length === 0 ? [] : [`  blocked: ${blocked.map((version) => (version === '*' ? 'all versions' : version)).join(', ')}`]),
    ...(upstream === null || upstream.failure === null ? [] : [`  upstream: ${upstream.failure}`]),
    ...keys.map((key) => `  key ${keyLine(key)}`),
  ];
}

function versionLine({ version, origin, held, yanked, listed, keys }: VersionState): string {
  const facts = [
    origin,
    ...(held ? [] : ['not held']),
    ...(yanked === null ? [] : [`yanked${reasonIn(yanked)}`]),
    ...(keys.length === 0 ? [] : [`signed by ${keys.join(', ')}`]),
    ...(listed.length === 0 ? [] : [`not held: ${listed.join(', ')}`]),
  ];
  return `  ${version}  ${facts.join(', ')}`;
}

function reasonIn(reason: string): string {
  return reason === '' ? '' : ` (${reason})`;
}
