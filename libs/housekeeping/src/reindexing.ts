import { isProxyError } from '@oci-package-proxy/errors';
import { type LedgerLogger, Reindexer } from '@oci-package-proxy/storage';

import { AskedNames } from './asked-names.ts';
import { refOf } from './holding.ts';
import { inParallel } from './in-parallel.ts';
import { countText, Progress } from './progress.ts';
import { tagsOf } from './repository-check.ts';
import { holdingsIn, type NamedPackage, type Scope, type ScopeSearch } from './scope.ts';

/** Few: all that is known of a package is in memory meanwhile. */
const PACKAGES_AT_ONCE = 2;

/** What is rebuilt. */
export interface Reindexing extends ScopeSearch {
  readonly scope: Scope;
  /** Hears of tags that cannot be read. */
  readonly logger: LedgerLogger;
  /** Hears how far it is. */
  readonly progress?: (line: string) => void;
}

/** What rebuilding came to. */
export interface ReindexReport {
  readonly packages: number;
  /** Snapshots that were written. */
  readonly snapshots: number;
  /** Packages that the catalogue did not list. */
  readonly listed: number;
  /** Tags that could not be read. */
  readonly unread: number;
  /** Repositories of which nobody knows which package they hold: other people's. */
  readonly unknown: readonly string[];
  /** Packages that were asked for by name and of which nothing is held. */
  readonly absent: readonly NamedPackage[];
  /** Packages that could not be rebuilt. */
  readonly failures: readonly { readonly repository: string; readonly message: string }[];
}

/**
 * Rebuilds snapshots and catalogue entries from facts, events and deletions.
 * @throws ProxyError `storage-unavailable`, `storage-denied`, `aborted`.
 */
export async function reindex(reindexing: Reindexing): Promise<ReindexReport> {
  const { registry, logger, signal } = reindexing;
  const report = { packages: 0, snapshots: 0, listed: 0, unread: 0, unknown: [] as string[], failures: [] as { repository: string; message: string }[] };
  const progress = new Progress(reindexing.progress);
  const reindexer = new Reindexer({ registry, logger });
  const asked = new AskedNames();
  await inParallel(holdingsIn(reindexing, reindexing.scope, { asked }), PACKAGES_AT_ONCE, async (holding) => {
    const ref = holding.kind === 'catalogue' ? null : await refOf(reindexing, holding);
    if (ref === null) {
      const foreign = holding.kind === 'unknown' && (await tagsOf(registry.repository(holding.repository), signal)).size > 0;
      report.unknown.push(...(foreign ? [holding.repository] : []));
      return;
    }
    try {
      const outcome = await reindexer.reindex(ref, signal === undefined ? {} : { signal });
      if (outcome !== null) {
        report.packages += 1;
        asked.find(holding);
      }
      report.snapshots += outcome?.snapshot === 'written' ? 1 : 0;
      report.listed += outcome?.listed === true ? 1 : 0;
      report.unread += outcome?.unread ?? 0;
    } catch (error) {
      if (!isProxyError(error, 'conflict') && !isProxyError(error, 'unsupported') && !isProxyError(error, 'integrity')) {
        throw error;
      }
      asked.find(holding);
      report.failures.push({ repository: holding.repository, message: error.message });
    }
    progress.step(() => `${holding.repository}: ${reindexText(report)}`);
  });
  return { ...report, absent: asked.absent };
}

/** `12 packages, 3 snapshots written, 1 package listed`. */
export function reindexText({ packages, snapshots, listed, unread }: Pick<ReindexReport, 'packages' | 'snapshots' | 'listed' | 'unread'>): string {
  const lost = unread === 0 ? '' : `, ${countText(unread, 'tag')} could not be read`;
  return `${countText(packages, 'package')}, ${countText(snapshots, 'snapshot')} written, ${listed} added to the catalogue${lost}`;
}
