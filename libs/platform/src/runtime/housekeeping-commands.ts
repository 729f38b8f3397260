import { resolve } from 'node:path';

import { ProxyError } from '@oci-package-proxy/errors';
import { collectGarbage, collectText, copy, type CopyProblem, copyText, countsText, countText, type NamedPackage, type PackageLocator, type Problem, reindex, reindexText, type Scope, verify, type VerifyReport } from '@oci-package-proxy/housekeeping';
import type { Registry } from '@oci-package-proxy/oci';

import { type OtherStorage, otherStorage, productNamed } from '../config/other-storage.ts';
import type { PlatformConfig } from '../config/platform-config.ts';
import type { Logger } from '../logging/logger.ts';
import type { AdminCommand } from './admin-command.ts';
import { commandOf, type CommandSketch, durationOf, jsonOf, WrongCall } from './command-line.ts';
import { scopeOf } from './command-scope.ts';
import { doctorCommand } from './doctor-command.ts';

const LAYOUT = 'layout:';

/** What {@link housekeepingCommands} work on. */
export interface HousekeepingParts {
  readonly config: Pick<PlatformConfig, 'storage' | 'file'>;
  readonly logger: Logger;
  readonly locator: PackageLocator;
}

/** What can be done to storage whatever ecosystem its packages are of. */
export function housekeepingCommands(parts: HousekeepingParts): AdminCommand[] {
  return [doctorCommand({ ...parts, open: () => open(parts) }), verifyCommand(parts), reindexCommand(parts), copyCommand(parts), collectCommand(parts)].map(commandOf);
}

function verifyCommand(parts: HousekeepingParts): CommandSketch {
  return {
    name: 'verify',
    usage: '[<ecosystem> [<package>] | <repository prefix>] [--quick] [--names <file>]',
    summary: 'Reads all that is stored and says what is missing or wrong; --quick only asks for files and does not read them.',
    options: { quick: { type: 'boolean' }, names: { type: 'string' } },
    positionals: { least: 0, most: 2 },
    run: async (given, { signal, progress }) => {
      const scope = await scopeOf(parts.locator, { ecosystem: given.positionals[0], name: given.positionals[1], names: given.text('names') });
      return using(open(parts), async (registry) => {
        const report = await verify({ registry, locator: parts.locator, scope, quick: given.is('quick'), signal, progress });
        refuseNothing(given.positionals, scope, report.repositories);
        const { fact, event, deletion, derived, foreign, hidden } = report.tags;
        return {
          failed: report.problemCount > 0 || report.absent.length > 0,
          text: [
            ...report.problems.map(problemLine),
            ...report.absent.map(absentLine),
            `${countsText(report)}: ${fact} facts, ${event} events, ${deletion} deletions, ${derived} derived, ${hidden} hidden, ${foreign} not ours`,
            verdict(report),
          ],
          data: jsonOf(report),
        };
      });
    },
  };
}

function reindexCommand(parts: HousekeepingParts): CommandSketch {
  return {
    name: 'reindex',
    usage: '[<ecosystem> [<package>] | <repository prefix>] [--names <file>]',
    summary: 'Makes snapshots and catalogue entries again from the versions and events that are stored.',
    options: { names: { type: 'string' } },
    positionals: { least: 0, most: 2 },
    run: async (given, { signal, progress }) => {
      const scope = await scopeOf(parts.locator, { ecosystem: given.positionals[0], name: given.positionals[1], names: given.text('names') });
      return using(open(parts), async (registry) => {
        const report = await reindex({ registry, locator: parts.locator, scope, logger: parts.logger, signal, progress });
        refuseNothing(given.positionals, scope, report.packages + report.unknown.length + report.failures.length);
        return {
          failed: report.failures.length > 0 || report.unread > 0 || report.absent.length > 0,
          text: [
            ...report.absent.map(absentLine),
            ...report.failures.map(({ repository, message }) => `${repository}: ${message}`),
            ...report.unknown.map((repository) => `${repository}: nobody knows which package this is; left alone`),
            reindexText(report),
          ],
          data: jsonOf(report),
        };
      });
    },
  };
}

function copyCommand(parts: HousekeepingParts): CommandSketch {
  return {
    name: 'copy',
    usage: '<to storage URL> [--product <name>] [--from <storage URL> [--from-product <name>]] [--ecosystem <name> [--package <name>]] [--names <file>] [--exclusive] [--mend]',
    summary: 'Copies what is stored to another registry or directory; run again, it goes on where it was. --mend also looks for what is missing of what is there already.',
    options: { product: { type: 'string' }, from: { type: 'string' }, 'from-product': { type: 'string' }, ecosystem: { type: 'string' }, package: { type: 'string' }, names: { type: 'string' }, exclusive: { type: 'boolean' }, mend: { type: 'boolean' } },
    positionals: { least: 1, most: 1 },
    run: async (given, { signal, progress }) => {
      const [to = ''] = given.positionals;
      const [from, ecosystem, name] = [given.text('from') ?? parts.config.storage.url, given.text('ecosystem'), given.text('package')];
      if (name !== undefined && ecosystem === undefined) {
        throw new WrongCall('--package needs --ecosystem');
      }
      checkApart(from, to);
      if (given.text('from-product') !== undefined && given.text('from') === undefined) {
        throw new WrongCall('--from-product needs --from; which registry that of STORAGE_URL is, CONFIG_FILE says');
      }
      const [toProduct, fromProduct] = [productNamed(given.text('product'), 'product'), productNamed(given.text('from-product'), 'from-product')];
      const scope = await scopeOf(parts.locator, { ecosystem, name, names: given.text('names') });
      return using(open(parts, { url: from, product: fromProduct }), (source) => using(open(parts, { url: to, product: toProduct }), async (target) => {
        await target.check({ signal });
        const report = await copy({ source, target, locator: parts.locator, scope, exclusive: given.is('exclusive'), mend: given.is('mend'), signal, progress });
        refuseNothing([ecosystem ?? '', name ?? ''], scope, report.repositories);
        return { failed: report.problemCount > 0 || report.absent.length > 0, text: [...report.problems.map(copyLine), ...report.absent.map(absentLine), copyText(report), verdict(report)], data: jsonOf(report) };
      }));
    },
  };
}

function collectCommand(parts: HousekeepingParts): CommandSketch {
  return {
    name: 'gc',
    usage: '[--dry-run] [--grace <duration>]',
    summary: 'Removes from a layout directory what no tag leads to and is older than --grace (24h).',
    options: { 'dry-run': { type: 'boolean' }, grace: { type: 'string' } },
    positionals: { least: 0, most: 0 },
    run: async (given, { signal, progress }) => {
      const graceMs = durationOf(given.text('grace') ?? '24h', 'grace');
      return using(open(parts), async (registry) => {
        const report = await collectGarbage({ registry, graceMs, dryRun: given.is('dry-run'), signal, progress });
        return { failed: report.damaged.length > 0, text: [...report.damaged.map(({ repository, message }) => `${repository}: left alone: ${message}`), collectText(report)], data: jsonOf(report) };
      });
    },
  };
}

function absentLine({ ecosystem, name }: NamedPackage): string {
  return `${ecosystem} ${name}: storage has nothing of it`;
}

/** Whoever misspells a name, or the storage URL, must not read that nothing is wrong with it. @throws ProxyError `not-found`. */
function refuseNothing(given: readonly string[], { kind }: Scope, found: number): void {
  if (found > 0 || kind === 'ecosystem') {
    return;
  }
  const what = given.filter((word) => word !== '').join(' ');
  throw new ProxyError('not-found', kind === 'all' ? 'Storage has nothing at all; check its URL and the prefix in it.' : `Storage has nothing of ${what === '' ? 'what the file names' : what}.`);
}

function open({ config, logger }: HousekeepingParts, storage: OtherStorage = { url: config.storage.url }): Registry {
  return otherStorage(config, storage, logger);
}

async function using<T>(registry: Registry, work: (registry: Registry) => Promise<T>): Promise<T> {
  try {
    return await work(registry);
  } finally {
    await registry.close();
  }
}

function problemLine({ repository, tag, kind, what, digest, problem, message }: Problem): string {
  const content = what === 'manifest' ? '' : ` ${what} ${digest ?? ''}`;
  return `${subjectOf(repository, tag)} (${kind})${content} ${problem}: ${message}`;
}

function copyLine({ repository, tag, problem, message }: CopyProblem): string {
  return `${subjectOf(repository, tag)} ${problem}: ${message}`;
}

/** The tag, or the repository as a whole. */
function subjectOf(repository: string, tag: string): string {
  return tag === '' ? repository : `${repository}:${tag}`;
}

function verdict({ problemCount, problems, absent }: Pick<VerifyReport, 'problemCount' | 'absent'> & { readonly problems: readonly unknown[] }): string {
  if (problemCount === 0) {
    return absent.length === 0 ? 'nothing wrong' : 'nothing wrong with what is there';
  }
  return `${countText(problemCount, 'problem')}${problemCount > problems.length ? `; the first ${problems.length} are above` : ''}`;
}

/** @throws WrongCall for one store given twice, and for directories that lie in one another: a walk through the one would meet what is written to the other. */
function checkApart(from: string, to: string): void {
  const [source, target] = [placeOf(from), placeOf(to)];
  if (source === target) {
    throw new WrongCall('Both storage URLs are the same');
  }
  if (source.startsWith(LAYOUT) && target.startsWith(LAYOUT) && (source.startsWith(`${target}/`) || target.startsWith(`${source}/`))) {
    throw new WrongCall('One of the two directories lies in the other');
  }
}

function placeOf(url: string): string {
  if (url.startsWith(LAYOUT) && url !== LAYOUT) {
    return `${LAYOUT}${resolve(url.slice(LAYOUT.length))}`;
  }
  const parsed = URL.parse(url);
  return (parsed === null ? url : `${parsed.origin}${parsed.pathname}`).replace(/\/+$/, '');
}
