import { ProxyError } from '@oci-package-proxy/errors';
import { EncodedDocuments, publicBase, sendDocument } from '@oci-package-proxy/platform';

import type { ProjectApi } from '../json-api/project-api.ts';
import { fileUrlsIn } from '../pages/file-urls.ts';
import { wantsFresh } from './client-wishes.ts';
import { digested } from './digested-document.ts';
import { cacheHeaders, noProject, READ, readableName, type ReadContext } from './read-context.ts';
import type { IndexExchange, Route } from './exchange.ts';

// Compressed documents, of the projects that are asked for again and again.
const CACHE_BYTES = 32 * 2 ** 20;

/** What {@link apiRoutes} answers from. */
export interface ApiRoutesOptions {
  readonly context: ReadContext;
  readonly api: Pick<ProjectApi, 'get'>;
  /** Path prefix of the index at the base: where it ends in `/pypi`, clients come that put `/pypi/<project>/json` after a host. */
  readonly prefix: string;
}

/** The JSON API of the public index. */
export function apiRoutes({ context, api, prefix }: ApiRoutesOptions): Route<IndexExchange>[] {
  const encoded = new EncodedDocuments(CACHE_BYTES);
  const answer = async (exchange: IndexExchange): Promise<void> => document(exchange, { context, api, encoded });
  const atBase = async (exchange: IndexExchange): Promise<void> => {
    if (exchange.path !== prefix) {
      throw new ProxyError('not-found', 'The JSON API of an index is below pypi/: <index>/pypi/<project>/json.');
    }
    await answer(exchange);
  };
  return [
    { methods: READ, pattern: 'pypi/:name/json', handler: answer },
    { methods: READ, pattern: 'pypi/:name/:version/json', handler: answer },
    ...(prefix.endsWith('/pypi') ? [':name/json', ':name/:version/json'].map((pattern) => ({ methods: READ, pattern, handler: atBase })) : []),
  ];
}

async function document(exchange: IndexExchange, { context, api, encoded }: Pick<ApiRoutesOptions, 'context' | 'api'> & { readonly encoded: EncodedDocuments }): Promise<void> {
  const { gate, config, onRead } = context;
  const { request, reply, index, path } = exchange;
  const name = await readableName(exchange, gate);
  const version = exchange.params['version'] ?? null;
  const base = publicBase(request, config, path);
  const urls = { ...fileUrlsIn(`${base}/files/${name}`), project: (of: string) => `${base}/simple/${of}/` };
  const found = await api.get(index, name, version, urls, { fresh: wantsFresh(request.headers) });
  if (found === null) {
    throw version === null ? noProject(exchange, name) : new ProxyError('not-found', `${name} has no version ${JSON.stringify(version.slice(0, 100))}, or there is no such project.`);
  }
  onRead?.('metadata', 'hit');
  const page = await encoded.get(found.revision, () => digested(found.bytes()));
  await sendDocument(reply, request, { ...page, etag: page.revision, contentType: 'application/json', headers: cacheHeaders(gate, name, 'no-cache') });
}
