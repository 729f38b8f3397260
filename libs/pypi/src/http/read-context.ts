import { isProxyError, ProxyError } from '@oci-package-proxy/errors';
import { annotateRequest, type Gate, type PlatformConfig } from '@oci-package-proxy/platform';

import { DEFAULT, ECOSYSTEM } from '../model/holdings.ts';
import { isProjectName, normalizedName } from '../names/project-name.ts';
import type { IndexExchange } from './exchange.ts';

/** What every route that reads needs. */
export interface ReadContext {
  readonly gate: Gate;
  readonly config: Pick<PlatformConfig, 'publicUrl' | 'trustedProxies'>;
  /** Told of every read, for metrics. Must not throw. */
  readonly onRead?: (kind: 'metadata' | 'file', result: 'hit' | 'miss') => void;
}

/** Methods of all that is read. */
export const READ = ['GET', 'HEAD'];

/**
 * The normalized name of the project that a request is about, which the caller may read.
 * @throws ProxyError `not-found` for what no project can be called; `unauthenticated`, `forbidden`.
 */
export async function readableName({ params, who }: IndexExchange, gate: Gate): Promise<string> {
  const text = params['name'] ?? '';
  if (!isProjectName(text)) {
    // Whoever may read nothing at all shall not learn more than that.
    await gate.authorize(who, 'read', null);
    throw new ProxyError('not-found', `${JSON.stringify(text.slice(0, 100))} is not the name of a project.`);
  }
  const name = normalizedName(text);
  annotateRequest({ ecosystem: ECOSYSTEM, package: name });
  await gate.authorize(who, 'read', name);
  return name;
}

/** What is answered where an index has no such project. */
export function noProject({ index }: IndexExchange, name: string): ProxyError {
  return new ProxyError('not-found', `There is no project ${name} in ${index.name === DEFAULT ? 'this index' : `the index ${index.name}`}.`);
}

/**
 * `Cache-Control` and `Vary` of an answer about a project: what only some may read is kept by nobody but them.
 * @param policy the rest of `Cache-Control`.
 * @param varies request headers that the answer depends on anyway.
 */
export function cacheHeaders(gate: Gate, name: string, policy: string, varies: readonly string[] = []): Record<string, string> {
  const isPublic = gate.isPublic(name);
  const vary = [...varies, ...(isPublic ? [] : ['Authorization'])].join(', ');
  return { 'cache-control': `${isPublic ? 'public' : 'private'}, ${policy}`, ...(vary === '' ? {} : { vary }) };
}

/** Whether the sender has to change something, or lacks a right: nothing here failed. */
export function isRefusal(error: unknown): boolean {
  const codes = ['invalid', 'unprocessable', 'unauthenticated', 'forbidden', 'policy', 'not-found', 'conflict', 'too-large', 'unsupported-media-type', 'unsupported'] as const;
  return codes.some((code) => isProxyError(error, code));
}
