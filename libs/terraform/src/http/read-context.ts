import { isProxyError, ProxyError } from '@oci-package-proxy/errors';
import { annotateRequest, type Gate } from '@oci-package-proxy/platform';

import type { TerraformHosts } from '../config/hosts.ts';
import { relativeUrl } from '../links/relative-url.ts';
import type { FileClaim, FileLinks } from '../links/file-claim.ts';
import { ECOSYSTEM, type ModuleAddress, moduleRef, type ProviderAddress, providerRef } from '../model/address.ts';
import { canonicalVersion } from '../versions/version.ts';
import { hostIn, moduleIn, providerIn } from './path-address.ts';
import { pathBelow } from './request-path.ts';
import type { Exchange } from './exchange.ts';

/** What every route that reads needs. */
export interface ReadContext {
  readonly gate: Gate;
  readonly hosts: TerraformHosts;
  readonly links: FileLinks;
  /** Path prefix of all that is read: `''`, or like `/terraform`. */
  readonly prefix: string;
  /** Told of every read, for metrics. Must not throw. */
  readonly onRead?: (kind: 'metadata' | 'file', result: 'hit' | 'miss') => void;
}

/** Methods of all that is read. */
export const READ = ['GET', 'HEAD'];

/**
 * The provider that a request is about, which the caller may read.
 * @throws ProxyError `not-found` for what no provider can be called and for hosts that are not served here; `unauthenticated`, `forbidden`.
 */
export async function readableProvider(exchange: Exchange, context: ReadContext): Promise<ProviderAddress> {
  const host = hostIn(exchange.params, context.hosts, exchange.request.headers.host);
  const address = host === null ? null : providerIn(exchange.params, host);
  return readable(exchange, context, { address, refOf: providerRef, what: 'a provider' });
}

/** The module that a request is about, which the caller may read. @throws as {@link readableProvider}. */
export async function readableModule(exchange: Exchange, context: ReadContext): Promise<ModuleAddress> {
  const host = hostIn(exchange.params, context.hosts, exchange.request.headers.host);
  const address = host === null ? null : moduleIn(exchange.params, host);
  return readable(exchange, context, { address, refOf: moduleRef, what: 'a module' });
}

async function readable<A extends { readonly host: string }>(exchange: Exchange, { gate, hosts }: ReadContext, { address, refOf, what }: { readonly address: A | null; readonly refOf: (address: A) => { readonly name: string }; readonly what: string }): Promise<A> {
  if (address === null) {
    // Whoever may read nothing at all shall not learn more than that.
    await gate.authorize(exchange.who, 'read', null);
    throw new ProxyError('not-found', `The path does not name ${what}.`);
  }
  const { name } = refOf(address);
  annotateRequest({ ecosystem: ECOSYSTEM, package: name });
  await gate.authorize(exchange.who, 'read', name);
  checkServed(address.host, hosts);
  return address;
}

/** @throws ProxyError `not-found` for a host that is neither this server's nor pulled through. */
export function checkServed(host: string, hosts: TerraformHosts): void {
  if (host !== hosts.own && hosts.upstream(host) === null) {
    throw new ProxyError('not-found', `Nothing of ${JSON.stringify(host)} is served here: it is not among TERRAFORM_UPSTREAM_HOSTS.`);
  }
}

/** The version that a path names, as clients write it. @throws ProxyError `not-found` for what is none. */
export function versionIn(text: string | undefined, of: string): string {
  const version = canonicalVersion(text ?? '');
  if (version === null) {
    throw new ProxyError('not-found', `${of} has no version ${JSON.stringify((text ?? '').slice(0, 100))}, as that is no version.`);
  }
  annotateRequest({ version });
  return version;
}

/** Makes URLs of files, relative to the document that a request asks for. */
export function fileUrls({ request }: Exchange, { links, prefix }: ReadContext): (claim: FileClaim) => string {
  const from = pathBelow(request.originalUrl, prefix);
  return (claim) => relativeUrl(from, `/files/${links.pathOf(claim)}`);
}

/** `Cache-Control` and `Vary` of an answer about a package: what only some may read is kept by nobody but them. @param policy the rest of `Cache-Control`. */
export function cacheHeaders(gate: Gate, name: string, policy: string): Record<string, string> {
  return gate.isPublic(name) ? { 'cache-control': `public, ${policy}` } : { 'cache-control': `private, ${policy}`, vary: 'Authorization' };
}

/** Whether a request asks to pass over what is cached: RFC 9111 §5.2.1. */
export function wantsFresh({ request }: Exchange): boolean {
  const directives = (request.headers['cache-control'] ?? '').split(',').map((directive) => directive.trim().toLowerCase());
  return directives.includes('no-cache') || directives.includes('max-age=0');
}

/** Whether the sender has to change something, or lacks a right: nothing here failed. */
export function isRefusal(error: unknown): boolean {
  const codes = ['invalid', 'unprocessable', 'unauthenticated', 'forbidden', 'policy', 'not-found', 'conflict', 'too-large', 'unsupported-media-type', 'unsupported'] as const;
  return codes.some((code) => isProxyError(error, code));
}
