import { createHmac, randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';

import { registryProfile } from '@oci-package-proxy/oci';
import { z } from 'zod';

import { checkCombinations, checkStorage } from './combinations.ts';
import { type PlatformFile, readConfigFile, type StorageAccessConfig } from './config-file.ts';
import { readEnvironment } from './environment.ts';
import { keptValue } from './kept-value.ts';
import { isLoopback } from './loopback.ts';
import type { PlatformConfig, StorageConfig, TlsConfig } from './platform-config.ts';
import { Problems } from './problems.ts';
import { PLATFORM_VARIABLES, type PlatformVariables } from './variables.ts';

/** How {@link loadConfig} is asked. */
export interface LoadConfigOptions<V extends z.ZodRawShape, F extends z.ZodRawShape> {
  /** The app's name and defaults; `basePath` `'/'` or `''` is the root. */
  readonly app: { readonly name: string; readonly port: number; readonly metricsPort: number; readonly basePath: string };
  /** Everything in one process: storage, queue and secrets have defaults in DATA_DIR. */
  readonly standalone?: boolean;
  /** False for a process without a public listener: what only that needs is not asked for. Default true. */
  readonly listens?: boolean;
  /**
   * True for a command that ends again: nothing is required, nothing is made or kept, storage is that of the standalone app
   * unless another is named. Default false.
   */
  readonly admin?: boolean;
  /** Variables of an ecosystem: zod schemas by name, each over the text in the environment. `<NAME>_FILE` works for them too. */
  readonly variables?: V;
  /** Further top-level sections of CONFIG_FILE: zod schemas by name. Use strict objects. */
  readonly configFile?: F;
  /** Default: the process's environment. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** The platform's configuration, the app's own variables under their names, and the app's sections in `file`. */
export type LoadedConfig<V extends z.ZodRawShape, F extends z.ZodRawShape> = PlatformConfig & z.output<z.ZodObject<V>> & { readonly file: PlatformFile & z.output<z.ZodObject<F>> };

const STANDALONE_TLS_PORT = 8443;
const NO_ACCESS: StorageAccessConfig = { ca: null, clientCertificate: null, credentials: null, profile: registryProfile() };
const DEFAULT_SPOOL_BYTES = 10 * 2 ** 30;

/**
 * Reads and checks environment and CONFIG_FILE, once. In standalone mode, secrets that are not set are made and kept in
 * DATA_DIR, but only when nothing else is wrong.
 * @throws ProxyError `config` naming every variable and key that is wrong, never a value.
 */
export async function loadConfig<V extends z.ZodRawShape = Record<never, never>, F extends z.ZodRawShape = Record<never, never>>(
  options: LoadConfigOptions<V, F>,
): Promise<LoadedConfig<V, F>> {
  const problems = new Problems();
  const env = options.env ?? process.env;
  const own = options.variables ?? ({} as V);
  const shape = { ...PLATFORM_VARIABLES, ...own };
  const texts = await readEnvironment(env, Object.keys(shape), problems);
  const variables = parseEach(PLATFORM_VARIABLES, texts, problems) as PlatformVariables;
  const extras = parseAll(own, texts, problems);
  const file = await readConfigFile(variables.CONFIG_FILE ?? null, options.configFile ?? ({} as F), problems);
  const base = baseConfig(options, variables);
  const context = { standalone: base.standalone || base.admin, loopback: base.loopback || options.listens === false, port: base.port, tlsPort: base.tls?.port ?? null, metricsPort: base.internal.port };
  // A variable that is set but wrong is reported once, as wrong, and not as missing too.
  checkCombinations({ ...texts, ...variables } as PlatformVariables, context, problems);
  checkStorage({ ...texts, ...variables } as PlatformVariables, file?.storage ?? NO_ACCESS, problems);
  problems.throwIfAny();
  const secrets = await secretsOf(base, variables);
  const storage = storageOf(variables, base.dataDir, { ...(file?.storage ?? NO_ACCESS), passwordFile: variables.STORAGE_PASSWORD === undefined ? null : (env['STORAGE_PASSWORD_FILE'] ?? null) });
  // What `extras` and `file` hold was parsed by the very schemas that V and F stand for.
  return { ...extras, ...base, ...secrets, file, storage } as unknown as LoadedConfig<V, F>;
}

function parseEach(shape: z.ZodRawShape, texts: Readonly<Record<string, string>>, problems: Problems): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(shape)) {
    if (texts[name] === undefined) {
      continue;
    }
    const parsed = z.safeParse(schema, texts[name]);
    if (parsed.success) {
      values[name] = parsed.data;
    } else {
      problems.addIssues(name, parsed.error as z.ZodError);
    }
  }
  return values;
}

/** Like {@link parseEach}, but a schema that has no default and is not optional makes its variable required. */
function parseAll(shape: z.ZodRawShape, texts: Readonly<Record<string, string>>, problems: Problems): Record<string, unknown> {
  const values = parseEach(shape, texts, problems);
  for (const [name, schema] of Object.entries(shape)) {
    if (texts[name] !== undefined) {
      continue;
    }
    const parsed = z.safeParse(schema, undefined);
    if (parsed.success) {
      values[name] = parsed.data;
    } else {
      problems.add(name, 'required');
    }
  }
  return values;
}

type BaseConfig = Omit<PlatformConfig, 'secretKey' | 'instanceId' | 'adminToken' | 'adminTokenIsNew' | 'file' | 'storage'>;

function baseConfig(options: LoadConfigOptions<z.ZodRawShape, z.ZodRawShape>, variables: PlatformVariables): BaseConfig {
  const { app, standalone = false } = options;
  const host = variables.HOST ?? '127.0.0.1';
  const loopback = isLoopback(host);
  const dataDir = resolve(variables.DATA_DIR ?? './data');
  return {
    app: app.name,
    standalone,
    admin: options.admin === true,
    host,
    port: variables.PORT ?? app.port,
    basePath: variables.BASE_PATH ?? app.basePath.replace(/\/+$/, ''),
    loopback,
    publicUrl: variables.PUBLIC_URL ?? null,
    tls: tlsOf(standalone, variables, dataDir),
    trustedProxies: variables.TRUSTED_PROXIES ?? [],
    publish: variables.PUBLISH ?? true,
    dataDir,
    spoolDir: join(dataDir, 'spool'),
    spoolMaxBytes: variables.SPOOL_MAX_BYTES ?? DEFAULT_SPOOL_BYTES,
    queueUrl: variables.QUEUE_URL ?? null,
    cacheUrl: variables.CACHE_URL ?? null,
    ecosystems: variables.INGEST_ECOSYSTEMS ?? null,
    usersFile: variables.USERS_FILE === undefined ? null : resolve(variables.USERS_FILE),
    anonymousRead: variables.ANONYMOUS_READ ?? loopback,
    registryPassThrough: variables.REGISTRY_PASS_THROUGH ?? false,
    internal: {
      host: variables.INTERNAL_HOST ?? '127.0.0.1',
      port: variables.METRICS_PORT === undefined ? app.metricsPort : variables.METRICS_PORT,
      url: variables.INTERNAL_URL ?? null,
    },
    logLevel: variables.LOG_LEVEL ?? 'info',
  };
}

function tlsOf(standalone: boolean, variables: PlatformVariables, dataDir: string): TlsConfig | null {
  const port = variables.TLS_PORT ?? (standalone ? STANDALONE_TLS_PORT : null);
  if (port === null) {
    return null;
  }
  if (variables.TLS_CERT_FILE !== undefined && variables.TLS_KEY_FILE !== undefined) {
    return { kind: 'files', port, certFile: resolve(variables.TLS_CERT_FILE), keyFile: resolve(variables.TLS_KEY_FILE) };
  }
  return standalone ? { kind: 'self-made', port, directory: join(dataDir, 'tls') } : null;
}

function storageOf(variables: PlatformVariables, dataDir: string, access: StorageAccessConfig & Pick<StorageConfig, 'passwordFile'>): StorageConfig {
  return {
    url: variables.STORAGE_URL ?? `layout:${join(dataDir, 'oci')}`,
    username: variables.STORAGE_USERNAME ?? null,
    password: variables.STORAGE_PASSWORD ?? null,
    dockerConfigFile: variables.DOCKER_CONFIG === undefined ? null : join(variables.DOCKER_CONFIG, 'config.json'),
    ...access,
  };
}

async function secretsOf(base: BaseConfig, variables: PlatformVariables): Promise<Pick<PlatformConfig, 'secretKey' | 'instanceId' | 'adminToken' | 'adminTokenIsNew'>> {
  const random = (): string => randomBytes(32).toString('hex');
  const made = async (name: string): ReturnType<typeof keptValue> => (base.admin ? { value: random(), isNew: false } : keptValue(base.dataDir, name, random));
  const secretKey = variables.SECRET_KEY ?? (await made('secret-key')).value;
  const admin = variables.ADMIN_TOKEN === undefined && base.standalone ? await made('admin-token') : null;
  return {
    secretKey,
    instanceId: createHmac('sha256', secretKey).update('instance id').digest('hex').slice(0, 16),
    adminToken: variables.ADMIN_TOKEN ?? admin?.value ?? null,
    adminTokenIsNew: admin?.isNew ?? false,
  };
}
