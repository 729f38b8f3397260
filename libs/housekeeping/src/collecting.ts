import { ProxyError } from '@oci-package-proxy/errors';
import { type CollectedGarbage, isGarbageCollector, type Registry } from '@oci-package-proxy/oci';

import { bytesText, countText, Progress } from './progress.ts';

/** How garbage is collected. */
export interface Collection {
  readonly registry: Registry;
  /** What is younger stays, in milliseconds. */
  readonly graceMs: number;
  /** Only counts. */
  readonly dryRun: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Hears how far it is. */
  readonly progress?: (line: string) => void;
}

/** What was found in all repositories together. */
export interface CollectReport extends Readonly<Omit<CollectedGarbage, 'repository' | 'damage'>> {
  readonly dryRun: boolean;
  readonly repositories: number;
  /** Repositories that were left alone, as something in them cannot be read. */
  readonly damaged: readonly { readonly repository: string; readonly message: string }[];
}

/**
 * Removes what no tag leads to from a layout directory, beside whoever works on it.
 * @throws ProxyError `unsupported` for a registry, which does that itself; what the store throws.
 */
export async function collectGarbage({ registry, graceMs, dryRun, signal, progress: say }: Collection): Promise<CollectReport> {
  if (!isGarbageCollector(registry)) {
    throw new ProxyError('unsupported', 'gc is for layout directories only. This storage is a registry, whose own garbage collection removes what no tag leads to; see its manual, and give it a delay of at least one hour.');
  }
  const report = { dryRun, repositories: 0, kept: 0, young: 0, removed: 0, removedBytes: 0, leftovers: 0, leftoverBytes: 0, damaged: [] as { repository: string; message: string }[] };
  const progress = new Progress(say);
  for await (const found of registry.collectGarbage({ graceMs, dryRun, signal })) {
    report.repositories += 1;
    for (const count of ['kept', 'young', 'removed', 'removedBytes', 'leftovers', 'leftoverBytes'] as const) {
      report[count] += found[count];
    }
    report.damaged.push(...(found.damage === null ? [] : [{ repository: found.repository, message: found.damage }]));
    progress.step(() => `${found.repository}: ${collectText(report)}`);
  }
  return report;
}

/** `removed 12 blobs (1.2 GiB) and 1 leftover (3 bytes) of 8 repositories, kept 340, too young 2`. */
export function collectText({ dryRun, repositories, kept, young, removed, removedBytes, leftovers, leftoverBytes }: Omit<CollectReport, 'damaged'>): string {
  const done = dryRun ? 'would remove' : 'removed';
  return `${done} ${countText(removed, 'blob')} (${bytesText(removedBytes)}) and ${countText(leftovers, 'leftover')} (${bytesText(leftoverBytes)}) of ${repositories} ${repositories === 1 ? 'repository' : 'repositories'}, kept ${kept}, too young ${young}`;
}
