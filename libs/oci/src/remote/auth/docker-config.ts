import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

import { ProxyError } from '@oci-package-proxy/errors';

import { askCredentialHelper } from './credential-helper.ts';
import type { Credential, CredentialSource } from './credentials.ts';

interface DockerConfig {
  readonly auths: Readonly<Record<string, unknown>>;
  readonly credHelpers: Readonly<Record<string, unknown>>;
  readonly credsStore: string | null;
}

/**
 * Credentials of a docker `config.json`, read anew whenever one is asked for: `credHelpers`, then `credsStore`, then
 * `auths`. No such file means no credentials.
 * @param options.configFile path of the file; default `.docker/config.json` in the home directory.
 */
export function dockerConfigCredentials(options: { readonly configFile?: string } = {}): CredentialSource {
  const file = options.configFile ?? join(homedir(), '.docker', 'config.json');
  return { credentialFor: (host) => credentialFor(file, host) };
}

async function credentialFor(file: string, host: string): Promise<Credential | null> {
  const config = await readConfig(file);
  if (config === null) {
    return null;
  }
  const key = entryFor(Object.keys(config.auths), host);
  const helper = helperFor(config, host);
  const helped = helper === null ? null : await askCredentialHelper(helper.name, helper.server ?? key ?? host);
  return helped ?? (key === null ? null : entryCredential(config.auths[key], host));
}

async function readConfig(file: string): Promise<DockerConfig | null> {
  const text = await readText(file);
  if (text === null) {
    return null;
  }
  try {
    const config = record(JSON.parse(text));
    const store = config['credsStore'];
    return { auths: record(config['auths']), credHelpers: record(config['credHelpers']), credsStore: typeof store === 'string' && store !== '' ? store : null };
  } catch {
    throw new ProxyError('config', `docker credential file ${file}: not JSON; repair or remove it`);
  }
}

async function readText(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) {
      return null;
    }
    throw new ProxyError('config', `docker credential file ${file}: cannot be read`, { cause: error });
  }
}

function helperFor(config: DockerConfig, host: string): { name: string; server: string | null } | null {
  const server = entryFor(Object.keys(config.credHelpers), host);
  const name = server === null ? null : config.credHelpers[server];
  if (typeof name === 'string' && name !== '') {
    return { name, server };
  }
  return config.credsStore === null ? null : { name: config.credsStore, server: null };
}

/** The key that stands for `host`: the host itself, its URL, or the index URL that the hub of the same domain is kept under. */
function entryFor(keys: readonly string[], host: string): string | null {
  const wanted = host.toLowerCase();
  if (keys.includes(wanted)) {
    return wanted;
  }
  return keys.find((key) => hostOf(key) === wanted) ?? keys.find((key) => isIndexOf(key, wanted)) ?? null;
}

function hostOf(key: string): string {
  return key.toLowerCase().replace(/^https?:\/\//, '').replace(/\/.*$/, '');
}

/**
 * The format keeps the hub's credential under `https://index.<domain>/v1/`, a service that no longer exists, while its
 * API answers on `registry-1.<domain>`. No other registry has a key that ends so.
 */
function isIndexOf(key: string, host: string): boolean {
  const domain = /^https:\/\/index\.([a-z0-9.-]+\.[a-z]{2,})\/v1\/?$/.exec(key.toLowerCase())?.[1];
  return domain !== undefined && [domain, `registry-1.${domain}`].includes(host);
}

function entryCredential(value: unknown, host: string): Credential | null {
  const entry = record(value);
  const identityToken = entry['identitytoken'];
  if (typeof identityToken === 'string' && identityToken !== '') {
    return { identityToken };
  }
  const { username, password, auth } = entry;
  if (typeof username === 'string' && username !== '' && typeof password === 'string') {
    return { username, password };
  }
  return typeof auth === 'string' && auth !== '' ? decodedAuth(auth, host) : null;
}

function decodedAuth(auth: string, host: string): Credential {
  const text = Buffer.from(auth, 'base64').toString();
  const colon = text.indexOf(':');
  if (colon < 1) {
    throw new ProxyError('config', `docker credential file: the auth entry for ${host} is not base64 of user:password`);
  }
  // The docker command line pads with NUL bytes and takes them off again.
  return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, '') };
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
