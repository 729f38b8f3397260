import { z } from 'zod';

import { ProxyError } from '@oci-package-proxy/errors';
import type { IngestCodec } from '@oci-package-proxy/ingest';
import type { EcosystemDefinition } from '@oci-package-proxy/platform';

import { PypiController } from './pypi.controller.ts';

const VARIABLES = { PYPI_UPSTREAM_URL: z.string().optional() };

const CODEC: IngestCodec = {
  ecosystem: 'pypi',
  plan: async (job) => Promise.reject(new ProxyError('not-found', `${job.file}: pypi cannot be pulled through yet.`)),
};

/** What the apps need to serve pypi. */
export const pypi: EcosystemDefinition<typeof VARIABLES> = {
  name: 'pypi',
  variables: VARIABLES,
  create: async ({ prefix }) =>
    Promise.resolve({
      name: 'pypi',
      module: { module: class PypiModule {}, controllers: [PypiController] },
      mounts: [{ prefix, ecosystem: 'pypi' }],
      codec: CODEC,
      hints: () => [],
    }),
};
