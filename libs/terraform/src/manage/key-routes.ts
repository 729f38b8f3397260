import type { Action } from '@oci-package-proxy/access';
import { ProxyError } from '@oci-package-proxy/errors';
import { annotateRequest } from '@oci-package-proxy/platform';

import { providerPart } from '../http/path-address.ts';
import { counted, sendAnswer, writeCall } from '../http/publish-context.ts';
import { checkOrigin } from '../http/request-origin.ts';
import { queryOf } from '../http/request-path.ts';
import type { Exchange, Route } from '../http/exchange.ts';
import { ECOSYSTEM, keysRef } from '../model/address.ts';
import { keyAnswer } from './key-answer.ts';
import { readKey } from './manage-body.ts';
import { checkWritable, hostOf, leaving, type ManageContext } from './manage-context.ts';

/** The keys of a namespace. Whoever may add one may sign what everybody runs, and so that takes more than the right to publish. */
export function keyRoutes(options: ManageContext): Route[] {
  const manager = new KeyManager(options);
  return [
    { methods: ['GET', 'HEAD'], pattern: 'keys/:namespace', handler: async (exchange) => manager.list(exchange) },
    { methods: ['POST'], pattern: 'keys/:namespace', handler: async (exchange) => manager.add(exchange) },
    { methods: ['DELETE'], pattern: 'keys/:namespace/:key', handler: async (exchange) => manager.remove(exchange) },
  ];
}

class KeyManager {
  readonly #options: ManageContext;

  constructor(options: ManageContext) {
    this.#options = options;
  }

  async list(exchange: Exchange): Promise<void> {
    const namespace = await this.#authorized(exchange, 'read');
    const keys = await this.#options.management.keys.list(namespace, { signal: leaving(exchange) });
    await sendAnswer(exchange, 200, { namespace, keys: keys.map(keyAnswer) });
  }

  async add(exchange: Exchange): Promise<void> {
    const namespace = await this.#authorized(exchange, 'admin');
    checkWritable(this.#options);
    const { outcome, key } = await counted(this.#options, async () => {
      checkOrigin(exchange.request);
      return this.#options.management.keys.add(namespace, await readKey(exchange.request), { ...writeCall(exchange), ...sourceOf(exchange) });
    });
    await sendAnswer(exchange, outcome === 'created' ? 201 : 200, { namespace, outcome, ...keyAnswer(key) });
  }

  async remove(exchange: Exchange): Promise<void> {
    const namespace = await this.#authorized(exchange, 'admin');
    checkWritable(this.#options);
    const key = await counted(this.#options, async () => this.#options.management.keys.remove(namespace, exchange.params['key'] ?? '', writeCall(exchange)));
    await sendAnswer(exchange, 200, { namespace, ...keyAnswer(key) });
  }

  async #authorized(exchange: Exchange, action: Action): Promise<string> {
    const { gate, hosts } = this.#options;
    const namespace = providerPart(exchange.params['namespace']);
    const host = hostOf(exchange, hosts);
    const name = namespace === null ? null : keysRef(host, namespace).name;
    annotateRequest({ ecosystem: ECOSYSTEM, ...(name === null ? {} : { package: name }) });
    await gate.authorize(exchange.who, action, name);
    if (namespace === null) {
      throw new ProxyError('invalid', 'The path does not name a namespace of providers.');
    }
    if (host !== hosts.own) {
      throw new ProxyError('invalid', `Keys are kept for what is published here, below ${hosts.own}: those of ${host} are its own.`);
    }
    return namespace;
  }
}

function sourceOf({ request }: Exchange): { readonly source?: string; readonly sourceUrl?: string } {
  const query = queryOf(request.originalUrl);
  const [source, sourceUrl] = [query.get('source'), query.get('source_url')];
  return { ...(source === null ? {} : { source }), ...(sourceUrl === null ? {} : { sourceUrl }) };
}
