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

/** The configuration of a process. */
export type AppConfig = LoadedConfig<Record<never, never>, typeof APP_SECTIONS> & {
  /** The variables of its ecosystems. */
  readonly values: Readonly<Record<string, unknown>>;
  /** The sections of its ecosystems, by name. */
  readonly sections: Readonly<Record<string, unknown>>;
};

/** What an app is called and where it listens when nothing else is said. */
export interface AppDefaults {
  readonly name: string;
  readonly port: number;
  readonly metricsPort: number;
}

/** What kind of process it is: see `LoadConfigOptions`. */
export interface AppKind {
  readonly standalone: boolean;
  readonly listens?: boolean;
  readonly admin?: boolean;
}

/**
 * Reads the configuration of an app that serves `ecosystems`.
 * @throws ProxyError `config` with everything that is wrong.
 */
export async function loadAppConfig(app: AppDefaults, ecosystems: readonly EcosystemDefinition[], kind: AppKind): Promise<AppConfig> {
  const variables: z.ZodRawShape = Object.assign({}, ...ecosystems.map((ecosystem) => ecosystem.variables));
  const configFile = { ...APP_SECTIONS, ecosystems: sectionsOf(ecosystems) };
  const config = await loadConfig({ app: { ...app, basePath: '/' }, ...kind, variables, configFile });
  const values = Object.fromEntries(Object.keys(variables).map((name) => [name, (config as Readonly<Record<string, unknown>>)[name]]));
  // What `config` holds was parsed by the very schemas that the type stands for.
  return { ...config, values, sections: config.file.ecosystems } as unknown as AppConfig;
}

/** All processes read one file, so each takes what it does not know of the others. */
function sectionsOf(ecosystems: readonly EcosystemDefinition[]): z.ZodType<Readonly<Record<string, unknown>>> {
  const known = ecosystems.flatMap(({ name, section }) => (section === undefined ? [] : [[name, section] as const]));
  return z.looseObject(Object.fromEntries(known)).prefault({});
}
