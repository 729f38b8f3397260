import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

import type { ClientCertificate, CloudCredentials, RegistryProfile } from '@oci-package-proxy/oci';
import { parseDocument } from 'yaml';
import { z } from 'zod';

import { ByteSize } from './byte-size.ts';
import type { Problems } from './problems.ts';
import { StorageCapabilities, StorageProduct, storageProfile } from './storage-capabilities.ts';
import { clientCertificate, type ConfigFiles, StorageCredentials, storageCredentials } from './storage-credentials.ts';

const MAX_FILE_BYTES = 4 * 2 ** 20;
const Url = z.url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' });

const UpstreamAccess = z.strictObject({
  /** The credential goes only to this scheme, host and port, and only below this path. */
  url: Url,
  username: z.string().min(1).optional(),
  password: z.string().min(1).optional(),
  passwordFile: z.string().min(1).optional(),
  token: z.string().min(1).optional(),
  tokenFile: z.string().min(1).optional(),
  caFile: z.string().min(1).optional(),
  /** The upstreams whose links it is shown for, by their URLs; all when absent. */
  for: z.array(Url).min(1).optional(),
});

const Storage = z.strictObject({
  caFile: z.string().min(1).optional(),
  clientCertFile: z.string().min(1).optional(),
  clientKeyFile: z.string().min(1).optional(),
  credentials: StorageCredentials.optional(),
  product: StorageProduct.optional(),
  capabilities: StorageCapabilities.optional(),
});

const Limits = z.strictObject({
  /** Largest file that may be published. */
  publishBytes: ByteSize.default(5 * 2 ** 30),
  /** Largest JSON body of a request other than a publish. */
  jsonBytes: ByteSize.default(64 * 2 ** 20),
  /** Largest metadata document that is taken from upstream. */
  documentBytes: ByteSize.default(256 * 2 ** 20),
  upstreamConnections: z.int('must be a whole number').min(1).max(10_000).default(64),
  storageConnections: z.int('must be a whole number').min(1).max(1_000).default(16),
});

/** The sections of CONFIG_FILE that belong to no ecosystem and not to access. */
export const PLATFORM_SECTIONS = {
  upstreams: z.array(UpstreamAccess).default([]),
  storage: Storage.prefault({}),
  limits: Limits.prefault({}),
};

/** How an upstream is to be reached. */
export interface UpstreamAccessConfig {
  readonly url: string;
  readonly credential: { readonly kind: 'basic'; readonly username: string; readonly password: string } | { readonly kind: 'bearer'; readonly token: string } | null;
  /** PEM. */
  readonly ca: string | null;
  /** URLs of the upstreams whose links it is for; all when absent. */
  readonly for?: readonly string[] | undefined;
}

/** How the storage registry is to be reached; certificate and credentials by file, read when they are needed. */
export interface StorageAccessConfig {
  /** PEM. */
  readonly ca: string | null;
  readonly clientCertificate: ClientCertificate | null;
  readonly credentials: CloudCredentials | null;
  /** What the registry does and does not do. */
  readonly profile: RegistryProfile;
}

/** What of CONFIG_FILE the platform knows; secrets and certificates that it names by file are read. */
export interface PlatformFile {
  /** What the files that it names are relative to: its own directory; without it, where the process was started. */
  readonly directory: string;
  readonly upstreams: readonly UpstreamAccessConfig[];
  readonly storage: StorageAccessConfig;
  readonly limits: z.output<typeof Limits>;
}

/**
 * Reads CONFIG_FILE; without one, every section has its defaults. Unknown keys, at any depth, are problems.
 * @param sections zod schemas of further top-level sections, by name.
 */
export async function readConfigFile<F extends z.ZodRawShape>(path: string | null, sections: F, problems: Problems): Promise<(PlatformFile & z.output<z.ZodObject<F>>) | null> {
  const schema = z.strictObject({ ...PLATFORM_SECTIONS, ...sections });
  const raw = path === null ? {} : await readYaml(path, problems);
  if (raw === undefined) {
    return null;
  }
  const parsed = schema.safeParse(withoutEmptySections(raw));
  if (!parsed.success) {
    problems.addIssues('CONFIG_FILE', parsed.error);
    return null;
  }
  const data = parsed.data as z.output<z.ZodObject<typeof PLATFORM_SECTIONS>> & z.output<z.ZodObject<F>>;
  const directory = path === null ? '.' : dirname(path);
  const files = new NamedFiles(directory, problems);
  const upstreams = await Promise.all(data.upstreams.map(async (upstream, index) => upstreamAccess(upstream, `CONFIG_FILE.upstreams.${index}`, files)));
  const storage = {
    ca: await files.read('CONFIG_FILE.storage.caFile', data.storage.caFile),
    clientCertificate: await clientCertificate(data.storage, files),
    credentials: await storageCredentials(data.storage.credentials, files),
    profile: storageProfile(data.storage, (where, what) => problems.add(`CONFIG_FILE.storage.capabilities.${where}`, what)),
  };
  return { ...(data as z.output<z.ZodObject<F>>), directory, upstreams, storage, limits: data.limits };
}

async function readYaml(path: string, problems: Problems): Promise<unknown> {
  const bytes = await readFile(path).catch(() => null);
  if (bytes === null || bytes.length > MAX_FILE_BYTES) {
    problems.add('CONFIG_FILE', bytes === null ? 'the file cannot be read' : 'the file is larger than 4 MiB');
    return undefined;
  }
  const document = parseDocument(bytes.toString('utf8'), { uniqueKeys: true, prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) {
    const line = bytes.subarray(0, error.pos[0]).toString('utf8').split('\n').length;
    problems.add('CONFIG_FILE', `line ${line} is not valid YAML (${error.code})`);
    return undefined;
  }
  try {
    return document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch {
    problems.add('CONFIG_FILE', 'has an alias (*) that cannot be expanded, or far too many');
    return undefined;
  }
}

// `limits:` with nothing after it means the defaults, not null.
function withoutEmptySections(raw: unknown): unknown {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    return raw;
  }
  return Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== null));
}

/** Files that CONFIG_FILE names, relative to it. */
class NamedFiles implements ConfigFiles {
  readonly #directory: string;
  readonly #problems: Problems;

  constructor(directory: string, problems: Problems) {
    this.#directory = directory;
    this.#problems = problems;
  }

  async read(where: string, path: string | undefined): Promise<string | null> {
    if (path === undefined) {
      return null;
    }
    const text = await readFile(this.resolve(path), 'utf8').catch(() => null);
    if (text === null) {
      this.problem(where, 'the file cannot be read');
    }
    return text;
  }

  resolve(path: string): string {
    return resolve(this.#directory, path);
  }

  problem(where: string, what: string): void {
    this.#problems.add(where, what);
  }
}

async function upstreamAccess(given: z.output<typeof UpstreamAccess>, where: string, files: NamedFiles): Promise<UpstreamAccessConfig> {
  const password = given.password ?? (await files.read(`${where}.passwordFile`, given.passwordFile))?.trimEnd();
  const token = given.token ?? (await files.read(`${where}.tokenFile`, given.tokenFile))?.trimEnd();
  const ca = await files.read(`${where}.caFile`, given.caFile);
  if ((given.username === undefined) !== (password === undefined)) {
    files.problem(where, 'username and password (or passwordFile) belong together');
  }
  if (token !== undefined && given.username !== undefined) {
    files.problem(where, 'give a token or a username, not both');
  }
  if (new URL(given.url).username !== '' || new URL(given.url).password !== '') {
    files.problem(`${where}.url`, 'must not hold a user or password');
  }
  return { url: given.url, ca, for: given.for, credential: credentialOf(given.username, password, token) };
}

function credentialOf(username: string | undefined, password: string | undefined, token: string | undefined): UpstreamAccessConfig['credential'] {
  if (token !== undefined) {
    return { kind: 'bearer', token };
  }
  return username === undefined || password === undefined ? null : { kind: 'basic', username, password };
}
