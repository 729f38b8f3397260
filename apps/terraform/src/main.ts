import 'reflect-metadata';

import { runApp, startFrontEnd } from '@oci-package-proxy/platform';
import { terraform } from '@oci-package-proxy/terraform';

import { AppModule } from './app.module.ts';

await runApp(() => startFrontEnd({ name: 'terraform', port: 8083, metricsPort: 9093, ecosystem: terraform, module: (ecosystems) => AppModule.register(ecosystems) }));
