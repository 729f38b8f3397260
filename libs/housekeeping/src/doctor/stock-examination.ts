import { isProxyError } from '@oci-package-proxy/errors';
import type { Registry } from '@oci-package-proxy/oci';
import { Catalogue, kindOf } from '@oci-package-proxy/storage';

import { type PackageLocator, placesOf } from '../holding.ts';
import { countText } from '../progress.ts';
import { judged, type Verdict } from './verdict.ts';

/** Packages whose tags are counted. */
const MAX_SAMPLE = 20;
/** What rivals leave costs lists; more of it than of anything else is worth a word. */
const MANY_CLAIMS = 100;

/** Whose stock is looked at. */
export interface Stock {
  readonly registry: Registry;
  readonly locator: PackageLocator;
  readonly signal?: AbortSignal | undefined;
}

/** What our own records look like. */
export interface StockReport {
  readonly verdicts: readonly Verdict[];
  /** Packages in the catalogue, by ecosystem. */
  readonly packages: Readonly<Record<string, number>>;
  /** A repository with a package; null: none was found. */
  readonly sample: string | null;
}

/** Whether the records of the system can be read, which packages there are, and what rivals left in some of them. Reads only. */
export async function examineStock(stock: Stock): Promise<StockReport> {
  const packages: Record<string, number> = {};
  const found: { readonly repository: string }[] = [];
  const about = { id: 'own-records', weight: 'must' as const, requirement: 'Our own records can be read' };
  try {
    for (const ecosystem of stock.locator.ecosystems) {
      packages[ecosystem] = await inCatalogue(stock, { ecosystem, found });
    }
    const { claims, looked } = await claimsIn(stock, found.slice(0, MAX_SAMPLE));
    const texts = Object.entries(packages).map(([ecosystem, count]) => `${ecosystem} ${count}`);
    const verdicts = [judged({ ...about, found: `packages in the catalogue: ${texts.join(', ')}` }, null), ...(looked === 0 ? [] : [leftovers(claims, looked)])];
    return { verdicts, packages, sample: found[0]?.repository ?? null };
  } catch (error) {
    if (!isProxyError(error) || error.code === 'aborted') {
      throw error;
    }
    const complaint = { effect: 'API tokens, keys and the list of packages are not known: signing in and search fail.', advice: ['Correct what is said above; where nothing is, look at the log of the registry, then run verify system.'] };
    return { verdicts: [judged({ ...about, found: error.message }, complaint)], packages, sample: found[0]?.repository ?? null };
  }
}

async function inCatalogue({ registry, locator, signal }: Stock, { ecosystem, found }: { readonly ecosystem: string; readonly found: { readonly repository: string }[] }): Promise<number> {
  let count = 0;
  for await (const name of new Catalogue(registry, false).names(ecosystem, { signal })) {
    const [place] = placesOf(locator, ecosystem, name);
    if (place !== undefined && found.length < MAX_SAMPLE) {
      found.push({ repository: place.repository });
    }
    count += 1;
  }
  return count;
}

async function claimsIn({ registry, signal }: Stock, sample: readonly { readonly repository: string }[]): Promise<{ readonly claims: number; readonly looked: number }> {
  let claims = 0;
  for (const { repository } of sample) {
    for await (const page of registry.repository(repository).listTags({ signal })) {
      claims += page.filter((tag) => kindOf(tag) === 'claim').length;
    }
  }
  return { claims, looked: sample.length };
}

function leftovers(claims: number, looked: number): Verdict {
  const about = { id: 'claims', weight: 'nice' as const, requirement: 'Little is left of decisions between publishers', found: `${countText(claims, 'claim tag')} in ${countText(looked, 'package')}` };
  const complaint = { effect: 'Lists of these packages are longer than they need to be; nothing is wrong with them.', advice: ['Nothing has to be done. A copy leaves them behind: npm run admin -- copy.'] };
  return judged(about, claims > MANY_CLAIMS * looked ? complaint : null);
}
