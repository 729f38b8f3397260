import { ProxyError } from '@oci-package-proxy/errors';
import type { PlatformConfig } from '@oci-package-proxy/platform';

import { moduleDetailDocument, moduleListDocument } from '../documents/module-registry-documents.ts';
import { type ModuleAddress, moduleRef, moduleText } from '../model/address.ts';
import type { ModuleDetail, ModuleReader } from '../read/read-port.ts';
import { isUpstreamFailure } from '../upstream/upstream-failure.ts';
import { inTime } from './deadline.ts';
import type { JsonDocuments } from './json-documents.ts';
import { type ListWish, listWish } from './list-wish.ts';
import { hostIn } from './path-address.ts';
import { cacheHeaders, checkServed, READ, type ReadContext, readableModule, versionIn } from './read-context.ts';
import type { Exchange, Route } from './exchange.ts';

// What a list holds depends on who asks for it.
const LIST_HEADERS = { 'cache-control': 'private, no-cache', vary: 'Authorization' };

type Reader = Pick<ModuleReader, 'addresses' | 'detail'>;

/** What {@link catalogueRoutes} answers from. */
export interface CatalogueRoutesOptions {
  readonly context: ReadContext;
  readonly config: Pick<PlatformConfig, 'publicUrl'>;
  readonly reader: Reader;
  readonly documents: JsonDocuments;
}

/** Lists, search and details of modules, as people and their tools browse them: https://developer.hashicorp.com/terraform/registry/api-docs */
export function catalogueRoutes(options: CatalogueRoutesOptions): Route[] {
  const catalogue = new Catalogue(options);
  return ['modules/v1', 'upstream/:host/modules/v1'].flatMap((base) => [
    { methods: READ, pattern: base, handler: async (exchange: Exchange) => catalogue.list(exchange) },
    { methods: READ, pattern: `${base}/search`, handler: async (exchange: Exchange) => catalogue.list(exchange) },
    { methods: READ, pattern: `${base}/:namespace`, handler: async (exchange: Exchange) => catalogue.list(exchange) },
    { methods: READ, pattern: `${base}/:namespace/:name`, handler: async (exchange: Exchange) => catalogue.list(exchange) },
    { methods: READ, pattern: `${base}/:namespace/:name/:system`, handler: async (exchange: Exchange) => catalogue.detail(exchange) },
    { methods: READ, pattern: `${base}/:namespace/:name/:system/:version`, handler: async (exchange: Exchange) => catalogue.detail(exchange) },
  ]);
}

class Catalogue {
  readonly #options: CatalogueRoutesOptions;

  constructor(options: CatalogueRoutesOptions) {
    this.#options = options;
  }

  async list(exchange: Exchange): Promise<void> {
    const { context, config, documents } = this.#options;
    const wish = listWish(exchange);
    const host = await this.#host(exchange);
    const { modules, more } = await inTime(exchange.started, async (signal) => this.#page(exchange, host, { wish, signal }));
    if (modules.length === 0 && exchange.params['name'] !== undefined && wish.offset === 0) {
      throw new ProxyError('not-found', `There is no module ${exchange.params['namespace'] ?? ''}/${exchange.params['name']} here.`);
    }
    context.onRead?.('metadata', 'hit');
    const outer = config.publicUrl === null ? '' : new URL(config.publicUrl).pathname.replace(/\/+$/, '');
    await documents.send(exchange, moduleListDocument(modules, { ...wish, more, url: `${outer}${exchange.request.originalUrl}` }), LIST_HEADERS);
  }

  async detail(exchange: Exchange): Promise<void> {
    const { context, reader, documents } = this.#options;
    const address = await readableModule(exchange, context);
    const { version: text } = exchange.params;
    const version = text === undefined ? null : versionIn(text, moduleText(address));
    const { found, systems } = await inTime(exchange.started, async (signal) => {
      const detail = await reader.detail(address, version, { signal });
      return { found: detail, systems: detail === null ? [] : await this.#systems(exchange, address, signal) };
    });
    if (found === null) {
      throw new ProxyError('not-found', version === null ? `There is no module ${moduleText(address)}.` : `${moduleText(address)} has no version ${version}.`);
    }
    context.onRead?.('metadata', 'hit');
    await documents.send(exchange, moduleDetailDocument(found, systems), cacheHeaders(context.gate, moduleRef(address).name, 'no-cache'));
  }

  async #host(exchange: Exchange): Promise<string> {
    const { gate, hosts } = this.#options.context;
    await gate.authorize(exchange.who, 'read', null);
    const host = hostIn(exchange.params, hosts, exchange.request.headers.host);
    if (host === null) {
      throw new ProxyError('not-found', 'The path does not name a host.');
    }
    checkServed(host, hosts);
    return host;
  }

  async #page(exchange: Exchange, host: string, { wish, signal }: { readonly wish: ListWish; readonly signal: AbortSignal }): Promise<{ readonly modules: readonly ModuleDetail[]; readonly more: boolean }> {
    const all = await this.#readable(exchange, host, { accepts: wish.accepts, signal });
    const page = all.slice(wish.offset, wish.offset + wish.limit);
    const failures: ProxyError[] = [];
    const details = await Promise.all(page.map(async (address) => this.#options.reader.detail(address, null, { signal }).catch((error: unknown) => failed(error, failures))));
    // The catalogue remembers what is gone.
    const modules = details.filter((detail) => detail !== null);
    const [failure] = failures;
    if (modules.length === 0 && failure !== undefined) {
      throw failure;
    }
    return { modules, more: all.length > wish.offset + wish.limit };
  }

  async #systems(exchange: Exchange, { host, namespace, name, system }: ModuleAddress, signal: AbortSignal): Promise<readonly string[]> {
    const same = await this.#readable(exchange, host, { accepts: (other) => other.namespace === namespace && other.name === name, signal });
    return [...new Set([system, ...same.map((address) => address.system)])].sort();
  }

  async #readable({ who }: Exchange, host: string, { accepts, signal }: { readonly accepts: (address: ModuleAddress) => boolean; readonly signal: AbortSignal }): Promise<ModuleAddress[]> {
    const { context, reader } = this.#options;
    const addresses: ModuleAddress[] = [];
    for await (const address of reader.addresses(host, { signal })) {
      if (accepts(address)) {
        addresses.push(address);
      }
    }
    addresses.sort((one, other) => (moduleText(one) < moduleText(other) ? -1 : 1));
    return context.gate.readable(who, addresses, (address) => moduleRef(address).name);
  }
}

/** What only upstream could tell of one module must not keep the others from being shown. */
function failed(error: unknown, failures: ProxyError[]): null {
  if (!isUpstreamFailure(error)) {
    throw error;
  }
  failures.push(error);
  return null;
}
