import { X509Certificate, createPrivateKey } from 'node:crypto';

import type { ClientCertificate, CloudCredentials } from '@oci-package-proxy/oci';
import { z } from 'zod';

const Text = z.string().min(1);
const Url = z.url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' });

const Ecr = z
  .strictObject({
    kind: z.literal('ecr'),
    endpoint: Url,
    region: z.string().regex(/^[a-z0-9-]+$/, 'must be the name of a region'),
    keys: z.strictObject({ accessKeyId: Text, secretAccessKeyFile: Text, sessionTokenFile: Text.optional() }).optional(),
    webIdentity: z.strictObject({ endpoint: Url, roleArn: Text, tokenFile: Text, sessionName: Text.optional() }).optional(),
    container: z.strictObject({ url: Url, tokenFile: Text.optional() }).optional(),
  })
  .refine(oneOf('keys', 'webIdentity', 'container'), 'give exactly one of keys, webIdentity and container');

const Gar = z
  .strictObject({
    kind: z.literal('gar'),
    serviceAccount: z.strictObject({ keyFile: Text, scope: Text }).optional(),
    metadata: z.strictObject({ url: Url }).optional(),
  })
  .refine(oneOf('serviceAccount', 'metadata'), 'give exactly one of serviceAccount and metadata');

const Principal = z
  .strictObject({ tokenUrl: Url, clientId: Text, scope: Text, clientSecretFile: Text.optional(), clientAssertionFile: Text.optional() })
  .refine(oneOf('clientSecretFile', 'clientAssertionFile'), 'give exactly one of clientSecretFile and clientAssertionFile');

const Acr = z
  .strictObject({
    kind: z.literal('acr'),
    tenant: Text.optional(),
    servicePrincipal: Principal.optional(),
    managedIdentity: z.strictObject({ url: Url }).optional(),
  })
  .refine(oneOf('servicePrincipal', 'managedIdentity'), 'give exactly one of servicePrincipal and managedIdentity');

/** `storage.credentials` of CONFIG_FILE: how the registry of a cloud is signed in to. */
export const StorageCredentials = z.discriminatedUnion('kind', [Ecr, Gar, Acr], { error: 'kind must be ecr, gar or acr' });

/** Finds files that CONFIG_FILE names, and says what is wrong with them. */
export interface ConfigFiles {
  /** The text of the file; `null` when there is no path, or when it cannot be read, which is a problem then. */
  read(where: string, path: string | undefined): Promise<string | null>;
  /** Where the file is. */
  resolve(path: string): string;
  problem(where: string, what: string): void;
}

/** The same with the files where they are. That each can be read is checked now; they are read when they are needed, and may change. */
export async function storageCredentials(given: z.output<typeof StorageCredentials> | undefined, files: ConfigFiles): Promise<CloudCredentials | null> {
  return given === undefined ? null : ((await withFiles(given, 'CONFIG_FILE.storage.credentials', files)) as CloudCredentials);
}

/** The files of a client certificate, checked: both are there, and belong together. */
export async function clientCertificate(given: { clientCertFile?: string | undefined; clientKeyFile?: string | undefined }, files: ConfigFiles): Promise<ClientCertificate | null> {
  const { clientCertFile, clientKeyFile } = given;
  const where = 'CONFIG_FILE.storage.clientCertFile';
  const [cert, key] = [await files.read(where, clientCertFile), await files.read('CONFIG_FILE.storage.clientKeyFile', clientKeyFile)];
  if (clientCertFile === undefined || clientKeyFile === undefined) {
    if (clientCertFile !== clientKeyFile) {
      files.problem(where, 'clientCertFile and clientKeyFile belong together; only one is set');
    }
    return null;
  }
  if (cert !== null && key !== null && !belongTogether(cert, key)) {
    files.problem(where, 'is no PEM certificate of the PEM key in clientKeyFile');
  }
  return { certFile: files.resolve(clientCertFile), keyFile: files.resolve(clientKeyFile) };
}

async function withFiles(value: unknown, where: string, files: ConfigFiles): Promise<unknown> {
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  const entries = Object.entries(value).map(async ([name, part]: [string, unknown]) => {
    const at = `${where}.${name}`;
    if (!name.endsWith('File') || typeof part !== 'string') {
      return [name, await withFiles(part, at, files)] as const;
    }
    await files.read(at, part);
    return [name, files.resolve(part)] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

function belongTogether(cert: string, key: string): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

function oneOf(...names: readonly string[]): (value: object) => boolean {
  return (value) => names.filter((name) => (value as Record<string, unknown>)[name] !== undefined).length === 1;
}
