import 'reflect-metadata';

import { runApp, startFrontEnd } from '@oci-package-proxy/platform';
import { pypi } from '@oci-package-proxy/pypi';

import { AppModule } from './app.module.ts';

await runApp(() => startFrontEnd({ name: 'pypi', port: 8082, metricsPort: 9092, ecosystem: pypi, module: (ecosystems) => AppModule.register(ecosystems) }));
