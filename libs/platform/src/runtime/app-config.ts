import { ACCESS_SECTIONS } from '@oci-package-proxy/access';
import { z } from 'zod';

import { loadConfig, type LoadedConfig } from '../config/load-config.ts';
import type { EcosystemDefinition } from './ecosystem.ts';

/** Sections of CONFIG_FILE that are not the platform's own. */
export const APP_SECTIONS = {
  ...ACCESS_SECTIONS,
  /** By ecosystem: globs of names that are never asked of upstream. */
  privateNames: z.record(z.string(), z.array(z.string().min(1))).default({}),
};

/** The configuration of a process, with the variables of its ecosystems as `values`. */
export type AppConfig = LoadedConfig<Record<never, never>, typeof APP_SECTIONS> & { readonly values: Readonly<Record<string, unknown>> };

/** What an app is called and where it listens when nothing else is said. */
export interface AppDefaults {
  readonly name: string;
  readonly port: number;
  readonly metricsPort: number;
}

/**
 * Reads the configuration of an app that serves `ecosystems`.
 * @throws ProxyError `config` with everything that is wrong.
 */
export async function loadAppConfig(app: AppDefaults, ecosystems: readonly EcosystemDefinition[], how: { readonly standalone: boolean; readonly listens?: boolean }): Promise<AppConfig> {
  const variables: z.ZodRawShape = Object.assign({}, ...ecosystems.map((ecosystem) => ecosystem.variables));
  const config = await loadConfig({ app: { ...app, basePath: '/' }, ...how, variables, configFile: APP_SECTIONS });
  const values = Object.fromEntries(Object.keys(variables).map((name) => [name, (config as Readonly<Record<string, unknown>>)[name]]));
  return { ...config, values } as AppConfig;
}
