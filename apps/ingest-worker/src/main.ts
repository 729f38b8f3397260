import 'reflect-metadata';

import { runApp, startIngestWorker } from '@oci-package-proxy/platform';

import { AppModule } from './app.module.ts';
import { ECOSYSTEMS } from './ecosystems.ts';

await runApp(() => startIngestWorker({ name: 'ingest-worker', port: 0, metricsPort: 9094, ecosystems: ECOSYSTEMS, module: (ingest) => AppModule.register(ingest) }));
