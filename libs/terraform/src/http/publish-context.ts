import { ProxyError } from '@oci-package-proxy/errors';
import { annotateRequest, type Gate } from '@oci-package-proxy/platform';

import { ECOSYSTEM, type ModuleAddress, moduleRef, type ProviderAddress, providerRef } from '../model/address.ts';
import type { UploadBody, WriteCall } from '../publish/publish-port.ts';
import { JSON_TYPE } from './json-documents.ts';
import { moduleIn, providerIn } from './path-address.ts';
import { isRefusal } from './read-context.ts';
import { checkOrigin } from './request-origin.ts';
import type { Exchange } from './exchange.ts';

/** What every route that publishes needs. */
export interface PublishContext {
  readonly gate: Pick<Gate, 'authorize'>;
  /** The host of what is published here. */
  readonly own: string;
  /** Told how every change ended, for metrics. Must not throw. */
  readonly onWrite?: (result: 'done' | 'refused' | 'failed') => void;
}

/** The provider that a path names, which the caller may publish. @throws ProxyError `invalid` for what no provider can be called, `unauthenticated`, `forbidden`. */
export async function publishableProvider({ params, who }: Pick<Exchange, 'params' | 'who'>, { gate, own }: PublishContext): Promise<ProviderAddress> {
  const address = providerIn(params, own);
  if (address === null) {
    await gate.authorize(who, 'publish', null);
    throw new ProxyError('invalid', 'Namespace and type of a provider have letters, digits and single dashes, at most 63 characters each.');
  }
  return authorized(address, providerRef(address).name, { gate, who });
}

/** The module that a path names, which the caller may publish. @throws as {@link publishableProvider}. */
export async function publishableModule({ params, who }: Pick<Exchange, 'params' | 'who'>, { gate, own }: PublishContext): Promise<ModuleAddress> {
  const address = moduleIn(params, own);
  if (address === null) {
    await gate.authorize(who, 'publish', null);
    throw new ProxyError('invalid', 'Namespace and name of a module have letters, digits, dashes and underscores, its system lower-case letters and digits, at most 64 characters each.');
  }
  return authorized(address, moduleRef(address).name, { gate, who });
}

async function authorized<A>(address: A, name: string, { gate, who }: Pick<PublishContext, 'gate'> & Pick<Exchange, 'who'>): Promise<A> {
  annotateRequest({ ecosystem: ECOSYSTEM, package: name });
  await gate.authorize(who, 'publish', name);
  return address;
}

/** The publisher, where there is one. @throws ProxyError `unauthenticated` before it says that there is none; `forbidden` for a page of another site. */
export function publisherOf<P>({ who, request }: Pick<Exchange, 'who' | 'request'>, publisher: P | null): P {
  if (who.kind === 'anonymous') {
    throw new ProxyError('unauthenticated', 'Sign in to publish: a token as Bearer, or a user name and password.');
  }
  checkOrigin(request);
  if (publisher === null) {
    throw new ProxyError('forbidden', 'Publishing is switched off on this server. Use a server where it is on.');
  }
  return publisher;
}

/** The body of a request. @throws ProxyError `unsupported-media-type` for one in a coding. */
export function uploadBody({ request }: Pick<Exchange, 'request'>): UploadBody {
  const coding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (coding !== 'identity' && coding !== '') {
    throw new ProxyError('unsupported-media-type', 'The body has a Content-Encoding. Send files as they are.');
  }
  return { contentType: request.headers['content-type'], stream: request.raw };
}

/** In whose name something is published. What has begun goes on when the client leaves: the same again finds it. */
export function writeCall({ who }: Pick<Exchange, 'who'>): WriteCall {
  return { by: who.name };
}

/** Runs a change and counts how it ends. */
export async function counted<T>({ onWrite }: Pick<PublishContext, 'onWrite'>, change: () => Promise<T>): Promise<T> {
  try {
    const done = await change();
    onWrite?.('done');
    return done;
  } catch (error) {
    onWrite?.(isRefusal(error) ? 'refused' : 'failed');
    throw error;
  }
}

/** Answers with a JSON object that nobody keeps. */
export async function sendAnswer({ reply }: Pick<Exchange, 'reply'>, status: number, body: object): Promise<void> {
  await reply.code(status).header('cache-control', 'no-store').header('content-type', JSON_TYPE).send(Buffer.from(JSON.stringify(body)));
}
