import { ProxyError } from '@oci-package-proxy/errors';
import { type PlatformConfig, publicBase } from '@oci-package-proxy/platform';

import { READ } from './read-context.ts';
import type { IndexExchange, Route } from './exchange.ts';

const NO_SEARCH = 'There is no search here. Look at the list of projects: simple/.';

/** What says how the index is used, and clear words for what it does not do. */
export function serviceRoutes(config: Pick<PlatformConfig, 'publicUrl' | 'trustedProxies'>): Route<IndexExchange>[] {
  return [
    { methods: READ, pattern: '', handler: async (exchange) => sendUsage(exchange, config) },
    { methods: READ, pattern: 'legacy', handler: missing('Files are uploaded here, by POST: twine upload --repository-url <this address>, or uv publish --publish-url <this address>.') },
    { methods: READ, pattern: 'search', handler: missing(NO_SEARCH) },
    { methods: ['POST'], pattern: 'search', handler: missing(NO_SEARCH) },
    { methods: ['POST'], pattern: 'pypi', handler: missing(`There is no XML-RPC here. ${NO_SEARCH}`) },
    { methods: ['POST'], pattern: 'RPC2', handler: missing(`There is no XML-RPC here. ${NO_SEARCH}`) },
    { methods: ['POST', 'PUT'], pattern: 'simple', handler: missing('Files are uploaded to legacy/, not to simple/.') },
  ];
}

/** The last ones of a table: what somebody asks for who was pointed at an index instead of at its pages. */
export function strayRoutes(): Route<IndexExchange>[] {
  return [{ methods: READ, pattern: ':name', handler: missing('There is nothing here. Projects are below simple/: clients have to be pointed there.') }];
}

/** Tells everybody how to use the index, and nothing of what is in it. */
async function sendUsage({ request, reply, index, path }: IndexExchange, config: Pick<PlatformConfig, 'publicUrl' | 'trustedProxies'>): Promise<void> {
  const base = publicBase(request, config, path);
  const lines = [
    'An index of Python packages.',
    '',
    `  pip install --index-url ${base}/simple/ <project>`,
    `  uv pip install --default-index ${base}/simple/ <project>`,
    ...(index.upload ? [`  twine upload --repository-url ${base}/legacy/ dist/*`, `  uv publish --publish-url ${base}/legacy/ --check-url ${base}/simple/`] : []),
    '',
  ];
  await reply.code(200).header('cache-control', 'no-store').header('content-type', 'text/plain; charset=utf-8').send(Buffer.from(lines.join('\n')));
}

function missing(text: string): (exchange: IndexExchange) => Promise<void> {
  return async () => {
    throw new ProxyError('not-found', text);
  };
}
