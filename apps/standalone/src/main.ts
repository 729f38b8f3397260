import 'reflect-metadata';

import { runApp, startStandalone } from '@oci-package-proxy/platform';

import { AppModule, IngestAppModule } from './app.module.ts';
import { ECOSYSTEMS } from './ecosystems.ts';

await runApp(() =>
  startStandalone({
    name: 'standalone',
    port: 8080,
    metricsPort: 9090,
    ecosystems: ECOSYSTEMS,
    module: (ecosystems) => AppModule.register(ecosystems),
    ingestModule: (ingest) => IngestAppModule.register(ingest),
  }),
);
