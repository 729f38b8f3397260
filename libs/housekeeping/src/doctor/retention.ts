import type { Product } from '@oci-package-proxy/oci';

import { adviceFor } from './product-advice.ts';

/** What is to be seen of rules by which a registry removes things on its own. */
export interface Retention {
  /** What was read, or that nothing can be. */
  readonly found: string;
  /** What an operator has to look at; empty: nothing. */
  readonly check: readonly string[];
}

/** What every rule must be like, whatever a registry calls them. */
const RULES = [
  'no rule removes a tag that begins with _: deletions, events and the origin of packages are there',
  'no rule removes any tag in catalog/ and system/: the list of packages and the records of the system are there',
  'no rule goes by the last pull: what is read here is cached, and read from there once',
  'no rule removes untagged manifests that are children of an index: archives of Terraform providers',
  'rules by age or number of versions may remove versions; nobody can install them any more then',
  'garbage collection waits for an hour at least after an upload',
];

/** What can be said of the rules of a product from here: nothing reads them but its own interface. */
export function retentionOf(product: Product | null): Retention {
  const where = adviceFor('retention', product, 'retention, cleanup and lifecycle rules, and garbage collection, wherever the registry has them');
  return { found: 'its rules cannot be read here', check: [`Look at ${where}. It has to be so that`, ...RULES] };
}
