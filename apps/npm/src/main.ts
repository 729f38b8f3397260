import 'reflect-metadata';

import { npm } from '@oci-package-proxy/npm';
import { runApp, startFrontEnd } from '@oci-package-proxy/platform';

import { AppModule } from './app.module.ts';

await runApp(() => startFrontEnd({ name: 'npm', port: 8081, metricsPort: 9091, ecosystem: npm, module: (ecosystems) => AppModule.register(ecosystems) }));
