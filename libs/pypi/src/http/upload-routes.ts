import { ProxyError } from '@oci-package-proxy/errors';
import type { Gate } from '@oci-package-proxy/platform';

import { DEFAULT } from '../model/holdings.ts';
import type { Uploads } from '../publish/publish-port.ts';
import { isRefusal } from './read-context.ts';
import type { IndexExchange, Route } from './exchange.ts';

/** What {@link uploadRoutes} answers from. */
export interface UploadRoutesOptions {
  readonly gate: Gate;
  /** Null: publishing is switched off. */
  readonly uploads: Uploads | null;
  /** Told how every upload ended, for metrics. Must not throw. */
  readonly onWrite?: (result: 'done' | 'refused' | 'failed') => void;
}

/** The upload endpoint ("legacy" API), and the same at an index's own address, as twine is pointed at devpi. */
export function uploadRoutes(options: UploadRoutesOptions): Route<IndexExchange>[] {
  const handler = async (exchange: IndexExchange): Promise<void> => upload(exchange, options);
  return [
    { methods: ['POST'], pattern: 'legacy', handler },
    { methods: ['POST'], pattern: '', handler },
  ];
}

async function upload(exchange: IndexExchange, options: UploadRoutesOptions): Promise<void> {
  const { request, reply, who, index } = exchange;
  try {
    const { outcome, filename } = await checkedUploads(exchange, options).upload({
      index,
      contentType: request.headers['content-type'],
      body: request.raw,
      by: who.name,
      authorize: async (name) => authorize(exchange, options.gate, name),
    });
    options.onWrite?.('done');
    const text = outcome === 'created' ? `${filename} is stored.` : `${filename} was stored before, with the same content.`;
    await reply.code(200).header('cache-control', 'no-store').header('content-type', 'text/plain; charset=utf-8').send(Buffer.from(`${text}\n`));
  } catch (error) {
    options.onWrite?.(isRefusal(error) ? 'refused' : 'failed');
    throw withoutRetries(error);
  }
}

/** What can be told before the body is read. */
function checkedUploads({ request, who, index }: IndexExchange, { uploads }: UploadRoutesOptions): Uploads {
  if (/^\s*(?:text|application)\/xml\b/i.test(request.headers['content-type'] ?? '')) {
    throw new ProxyError('not-found', 'There is no XML-RPC here, and so no pip search. Look at the list of projects: simple/.');
  }
  if (uploads === null) {
    throw new ProxyError('forbidden', 'Publishing is switched off on this server.');
  }
  if (who.kind === 'anonymous') {
    throw new ProxyError('unauthenticated', 'Sign in to upload: a user name and password, or __token__ and a token.');
  }
  if (!index.upload) {
    throw new ProxyError('forbidden', `Files cannot be uploaded to ${index.name === DEFAULT ? 'this index' : `the index ${index.name}`}. Choose another one.`);
  }
  return uploads;
}

async function authorize({ who, index }: IndexExchange, gate: Gate, name: string): Promise<void> {
  await gate.authorize(who, 'publish', name);
  if (!index.shows(name)) {
    throw new ProxyError('forbidden', `${index.name === DEFAULT ? 'This index' : `The index ${index.name}`} does not show projects called ${name}. Upload to another one.`);
  }
}

/** twine sends the whole file again, up to five times, on any 5xx; what is not done here is not done then either. */
function withoutRetries(error: unknown): unknown {
  return error instanceof ProxyError && error.code === 'unsupported' ? new ProxyError('forbidden', error.message, { cause: error }) : error;
}
