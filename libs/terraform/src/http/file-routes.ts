import type { IncomingHttpHeaders } from 'node:http';

import { ProxyError } from '@oci-package-proxy/errors';
import { annotateRequest, sendFile } from '@oci-package-proxy/platform';

import type { FileClaim, FileLinks } from '../links/file-claim.ts';
import { ECOSYSTEM } from '../model/address.ts';
import type { ModuleReader, ProviderReader, ServedFile } from '../read/read-port.ts';
import { inTime } from './deadline.ts';
import { READ, type ReadContext } from './read-context.ts';
import type { Exchange, Route } from './exchange.ts';

type Claim = Omit<FileClaim, 'filename'>;

/** What {@link fileRoutes} answers from. */
export interface FileRoutesOptions {
  readonly context: Pick<ReadContext, 'onRead'>;
  readonly links: Pick<FileLinks, 'read'>;
  readonly providers: Pick<ProviderReader, 'file'>;
  readonly modules: Pick<ModuleReader, 'file'>;
  /** How long a link is good for, at least, in seconds. */
  readonly linkSeconds: number;
}

/**
 * Files, by links that are all that is needed to read them: clients show no credential here, or one that is meant for somebody else.
 * Whatever stands behind the path (`archive`, `checksum`, `terraform-get`) is for the client alone.
 */
export function fileRoutes(options: FileRoutesOptions): Route[] {
  return [{ methods: READ, pattern: 'files/:token/:filename', anybody: true, handler: async (exchange) => answer(exchange, options) }];
}

async function answer(exchange: Exchange, { context, links, providers, modules, linkSeconds }: FileRoutesOptions): Promise<void> {
  const { request, reply, params, started } = exchange;
  const claim = links.read(params['token'] ?? '');
  annotateRequest({ ecosystem: ECOSYSTEM, package: claim.package, version: claim.version });
  const reader = claim.kind === 'module-archive' ? modules : providers;
  const isHead = request.method === 'HEAD';
  const find = async (): Promise<ServedFile> => {
    const found = await reader.file(claim);
    if (found === null) {
      throw new ProxyError('not-found', `This file of ${claim.package} ${claim.version} is not here any more. Run init again.`);
    }
    // A condition that holds may be answered without the file, and HEAD always is. Otherwise its size is known by then.
    return isHead || isNamed(request.headers, found.etag) ? found : found.start();
  };
  const file = await inItsTime(started, claim, find);
  annotateRequest({ cache: file.cache });
  context.onRead?.('file', file.cache);
  await sendFile(reply, {
    size: file.size,
    etag: file.etag,
    contentType: file.contentType,
    headers: { 'cache-control': `private, max-age=${linkSeconds}, immutable`, 'x-content-type-options': 'nosniff' },
    ranges: rangesOf(file.cache, isHead),
    open: async (range, signal) => inItsTime(started, claim, async () => file.open(range, signal)),
  }, request);
}

/** Clients wait for archives as long as it takes, for the rest of the files as long as for documents. */
async function inItsTime<T>(started: number, { kind }: Claim, work: () => Promise<T>): Promise<T> {
  return kind === 'sums' || kind === 'signature' ? inTime(started, work) : work();
}

/** A file that is only on its way has no parts but its end. */
function rangesOf(cache: 'hit' | 'miss', isHead: boolean): 'any' | 'suffix' | 'none' {
  if (cache === 'hit') {
    return 'any';
  }
  return isHead ? 'none' : 'suffix';
}

function isNamed(headers: IncomingHttpHeaders, etag: string): boolean {
  const tags = `${headers['if-none-match'] ?? ''},${headers['if-match'] ?? ''}`;
  return tags.includes('*') || tags.includes(`"${etag}"`);
}
