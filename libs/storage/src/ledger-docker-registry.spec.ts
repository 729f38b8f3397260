import { dockerRegistries } from '@oci-package-proxy/testing';

import { describeRealLedger } from './real-registry.contract.ts';

// One of each way in; `npm run test:registries` has all.
for (const registry of dockerRegistries().filter(({ form }) => ['open', 'Basic', 'token, deletes', 'TLS'].includes(form))) {
  describeRealLedger(registry);
}
