import type { DynamicModule, Type } from '@nestjs/common';

import { createLogger } from '../logging/logger.ts';
import { type AppConfig, type AppDefaults, loadAppConfig } from './app-config.ts';
import { createRuntime } from './create-runtime.ts';
import type { Ecosystem, EcosystemDefinition } from './ecosystem.ts';
import { closeAll, type RunningApp, serve, type Served } from './front-end.ts';
import { startIngest } from './ingest-app.ts';

/** Everything in one process. */
export interface StandaloneOptions extends AppDefaults {
  readonly ecosystems: readonly EcosystemDefinition[];
  /** The app's module for the public port. */
  module(ecosystems: readonly Ecosystem[]): Type | DynamicModule;
  /** The app's module for the jobs. */
  ingestModule(ingest: DynamicModule): DynamicModule;
}

/**
 * Starts every ecosystem, each below `/<name>`, and the ingest, in this one process, and prints how to use them.
 * @throws ProxyError `config`.
 */
export async function startStandalone(options: StandaloneOptions): Promise<RunningApp> {
  const config = await loadAppConfig(options, options.ecosystems, { standalone: true });
  const logger = createLogger({ name: options.name, level: config.logLevel });
  const runtime = await createRuntime(config, logger);
  try {
    const ecosystems = await Promise.all(
      options.ecosystems.map((definition) =>
        definition.create({ runtime, prefix: `${config.basePath}/${definition.name}`, root: config.basePath, values: config.values, section: config.sections[definition.name] }),
      ),
    );
    const ingest = await startIngest(runtime, ecosystems, options.ingestModule);
    const served = await serve(runtime, config, { ecosystems, module: options.module(ecosystems) });
    process.stdout.write(welcome(config, served, ecosystems));
    return { close: async () => closeAll([() => served.close(), () => ingest.close(), () => runtime.close()]) };
  } catch (error) {
    await runtime.close();
    throw error;
  }
}

function welcome(config: AppConfig, { listeners, internal }: Served, ecosystems: readonly Ecosystem[]): string {
  const origin = config.publicUrl ?? listeners.url;
  const secure = origin.startsWith('https:') ? origin : listeners.tlsUrl;
  const token = config.adminTokenIsNew ? config.adminToken : null;
  const lines = [
    '',
    `OCI Package Proxy is ready at ${origin}`,
    ...(listeners.tlsUrl === null ? [] : [`  HTTPS: ${listeners.tlsUrl}${config.tls?.kind === 'self-made' ? `, CA certificate: ${config.tls.directory}/ca.pem` : ''}`]),
    `  health and metrics: ${internal.url}/readyz, ${internal.url}/metrics`,
    `  packages are kept in ${config.storage.url}`,
    ...(token === null ? [] : ['', 'Admin token, shown this once; it may do everything:', `  ${token}`]),
    ...ecosystems.flatMap((ecosystem) => ['', `${ecosystem.name}:`, ...ecosystem.hints(origin, token, secure).map((line) => `  ${line}`)]),
    '',
    'Stop with Ctrl-C; running transfers may finish.',
    '',
  ];
  return `${lines.join('\n')}\n`;
}
