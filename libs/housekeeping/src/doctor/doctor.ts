import { type Finding, findingOf, type Leftover, parseStorageUrl, probeRegistry, type Product, type Registry, RemoteRegistry } from '@oci-package-proxy/oci';

import type { PackageLocator } from '../holding.ts';
import { harborRetention } from './harbor-retention.ts';
import { examineLayout } from './layout-examination.ts';
import { registryVerdicts } from './registry-examination.ts';
import { type Retention, retentionOf } from './retention.ts';
import { examineStock, type StockReport } from './stock-examination.ts';
import type { Verdict } from './verdict.ts';

const LAYOUT = 'layout:';

/** What is examined, and how. */
export interface Examination {
  readonly registry: Registry;
  /** `layout:<directory>`, or that of a registry. */
  readonly url: string;
  readonly locator: PackageLocator;
  /** Nothing is written. */
  readonly readOnly: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Hears what is being looked at. */
  readonly progress?: (line: string) => void;
}

/** What is fit and unfit about a store, and what to do about it. */
export interface DoctorReport {
  /** `registry.example.com/packages`, or the directory. */
  readonly storage: string;
  readonly kind: 'registry' | 'layout';
  /** Which product CONFIG_FILE says that it is, and which it looks like. */
  readonly product: { readonly said: Product | null; readonly seen: Product | null };
  readonly readOnly: boolean;
  /** Whether nothing that must be is missing; what is unknown does not count. */
  readonly fit: boolean;
  readonly verdicts: readonly Verdict[];
  /** Null for a directory, which removes nothing on its own; where we do not get in; and where the rules were read: see the verdict `retention`. */
  readonly retention: Retention | null;
  /** What was seen, one by one; none for a directory. */
  readonly findings: readonly Finding[];
  /** What the examination wrote and could not remove. */
  readonly leftovers: readonly Leftover[];
  /** Packages in the catalogue, by ecosystem. */
  readonly packages: Readonly<Record<string, number>>;
}

/**
 * Tries out what a store can do, holds it against what we ask of one, and says what to change.
 * @throws ProxyError `aborted`.
 */
export async function examine(examination: Examination): Promise<DoctorReport> {
  return examination.registry instanceof RemoteRegistry ? examineRegistry(examination, examination.registry) : examineDirectory(examination);
}

async function examineRegistry(examination: Examination, registry: RemoteRegistry): Promise<DoctorReport> {
  const { url, readOnly, signal, progress } = examination;
  const { registry: base, prefix } = parseStorageUrl(url);
  // Asked before the probe, which may look at a package where it writes nothing; what it says is shown where we get in at all.
  const stock = readOnly ? await stockOf(examination) : null;
  const sample = stock?.sample ?? null;
  const report = await probeRegistry(registry, { readOnly, ...(sample !== null && { sample }), ...(progress !== undefined && { progress }), ...(signal !== undefined && { signal }) });
  const own = registryVerdicts({ report, profile: registry.profile, url: base });
  const { verdicts, packages } = isLost(own) ? NOTHING : (stock ?? (await stockOf(examination)));
  const seen = findingOf(report, 'product').value;
  const rules = [registry.profile.product, seen].includes('harbor') && !isLost(own) ? [await harborRetention(registry, { ecosystems: examination.locator.ecosystems, signal })] : [];
  return {
    storage: [base.host, prefix].filter((part) => part !== '').join('/'),
    kind: 'registry',
    product: { said: registry.profile.product, seen },
    readOnly,
    fit: isFit([...own, ...rules, ...verdicts]),
    verdicts: [...own, ...rules, ...verdicts],
    retention: isLost(own) || rules.some(({ met }) => met !== null) ? null : retentionOf(registry.profile.product ?? seen),
    findings: report.findings,
    leftovers: report.leftovers,
    packages,
  };
}

const NOTHING: StockReport = { verdicts: [], packages: {}, sample: null };

async function stockOf(examination: Examination): Promise<StockReport> {
  examination.progress?.('looking at the catalogue and some packages');
  return examineStock(examination);
}

async function examineDirectory(examination: Examination): Promise<DoctorReport> {
  const { url, registry, readOnly, signal, progress } = examination;
  const directory = url.startsWith(LAYOUT) ? url.slice(LAYOUT.length) : url;
  progress?.('looking at the directory');
  const own = await examineLayout({ directory, registry, readOnly, signal });
  const stock = await stockOf(examination);
  const verdicts = [...own, ...stock.verdicts];
  return { storage: directory, kind: 'layout', product: { said: null, seen: null }, readOnly, fit: isFit(verdicts), verdicts, retention: null, findings: [], leftovers: [], packages: stock.packages };
}

function isFit(verdicts: readonly Verdict[]): boolean {
  return verdicts.every(({ weight, met }) => weight !== 'must' || met !== false);
}

/** Whether we did not even get in. */
function isLost(verdicts: readonly Verdict[]): boolean {
  return verdicts.some(({ id, met }) => ['reachable', 'credential', 'pull'].includes(id) && met !== true);
}
