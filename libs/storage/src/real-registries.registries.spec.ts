import { builtRegistries, dockerRegistries } from '@oci-package-proxy/testing';

import { describeManyTags, describeRealLedger } from './real-registry.contract.ts';

for (const registry of [...dockerRegistries(), ...builtRegistries()]) {
  describeRealLedger(registry);
  // A thousand writes take a while; how clients are let in makes no difference to lists.
  if (/^(open|no Link.*|immutable tags)$/.test(registry.form)) {
    describeManyTags(registry);
  }
}
