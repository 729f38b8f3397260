import { ProxyError } from '@oci-package-proxy/errors';

import { providerPackageDocument, providerVersionsDocument } from '../documents/provider-documents.ts';
import { mirrorIndexDocument, mirrorVersionDocument } from '../documents/mirror-documents.ts';
import { type ProviderAddress, providerRef, providerText } from '../model/address.ts';
import { platformText } from '../model/provider.ts';
import type { ProviderReader, ProviderVersions } from '../read/read-port.ts';
import { inTime } from './deadline.ts';
import type { JsonDocuments } from './json-documents.ts';
import { platformIn } from './path-address.ts';
import { cacheHeaders, fileUrls, READ, type ReadContext, readableProvider, versionIn, wantsFresh } from './read-context.ts';
import type { Exchange, Route } from './exchange.ts';

/**
 * Every document is to be asked for again before it is used, which a 304 makes cheap: a version that was just published has to show, and
 * links end.
 */
const POLICY = 'no-cache';
const JSON_SUFFIX = '.json';

type Reader = Pick<ProviderReader, 'versions' | 'package' | 'archives'>;

/** What {@link providerRoutes} answers from. */
export interface ProviderRoutesOptions {
  readonly context: ReadContext;
  readonly reader: Reader;
  readonly documents: JsonDocuments;
}

/** The provider registry protocol, for the own host and for every upstream host, and the network mirror protocol. */
export function providerRoutes(options: ProviderRoutesOptions): Route[] {
  const providers = new Providers(options);
  const bases = ['providers/v1', 'upstream/:host/providers/v1'];
  return [
    ...bases.flatMap((base) => [
      { methods: READ, pattern: `${base}/:namespace/:type/versions`, handler: async (exchange: Exchange) => providers.versions(exchange) },
      { methods: READ, pattern: `${base}/:namespace/:type/:version/download/:os/:arch`, handler: async (exchange: Exchange) => providers.package(exchange) },
    ]),
    { methods: READ, pattern: 'mirror/:host/:namespace/:type/index.json', handler: async (exchange) => providers.mirrorIndex(exchange) },
    { methods: READ, pattern: 'mirror/:host/:namespace/:type/:file', handler: async (exchange) => providers.mirrorVersion(exchange) },
  ];
}

class Providers {
  readonly #options: ProviderRoutesOptions;

  constructor(options: ProviderRoutesOptions) {
    this.#options = options;
  }

  async versions(exchange: Exchange): Promise<void> {
    const address = await readableProvider(exchange, this.#options.context);
    await this.#sendList(exchange, address, providerVersionsDocument);
  }

  async package(exchange: Exchange): Promise<void> {
    const { context, reader } = this.#options;
    const address = await readableProvider(exchange, context);
    const version = versionIn(exchange.params['version'], providerText(address));
    const platform = platformIn(exchange.params);
    const found = platform === null ? null : await inTime(exchange.started, async (signal) => reader.package(address, version, platform, { signal, fresh: wantsFresh(exchange) }));
    if (found === null) {
      const { os = '', arch = '' } = exchange.params;
      throw new ProxyError('not-found', `${providerText(address)} has no version ${version} for ${platformText({ os, arch }).slice(0, 64)}.`);
    }
    await this.#send(exchange, address, providerPackageDocument(found, fileUrls(exchange, context)));
  }

  async mirrorIndex(exchange: Exchange): Promise<void> {
    const address = await readableProvider(exchange, this.#options.context);
    await this.#sendList(exchange, address, mirrorIndexDocument);
  }

  async mirrorVersion(exchange: Exchange): Promise<void> {
    const { context, reader } = this.#options;
    const address = await readableProvider(exchange, context);
    const { file = '' } = exchange.params;
    if (!file.endsWith(JSON_SUFFIX)) {
      throw new ProxyError('not-found', 'A mirror has index.json and <version>.json for every provider.');
    }
    const version = versionIn(file.slice(0, -JSON_SUFFIX.length), providerText(address));
    const found = await inTime(exchange.started, async (signal) => reader.archives(address, version, { signal, fresh: wantsFresh(exchange) }));
    if (found === null) {
      throw new ProxyError('not-found', `${providerText(address)} has no version ${version}.`);
    }
    await this.#send(exchange, address, mirrorVersionDocument(found, fileUrls(exchange, context)));
  }

  async #sendList(exchange: Exchange, address: ProviderAddress, make: (versions: ProviderVersions) => object): Promise<void> {
    const { context, documents } = this.#options;
    const source = await this.#versions(exchange, address);
    context.onRead?.('metadata', 'hit');
    await documents.sendOf(exchange, { source, make }, cacheHeaders(context.gate, providerRef(address).name, POLICY));
  }

  async #versions(exchange: Exchange, address: ProviderAddress): Promise<ProviderVersions> {
    const found = await inTime(exchange.started, async (signal) => this.#options.reader.versions(address, { signal, fresh: wantsFresh(exchange) }));
    if (found === null) {
      throw new ProxyError('not-found', `There is no provider ${providerText(address)}.`);
    }
    return found;
  }

  async #send(exchange: Exchange, address: ProviderAddress, document: object): Promise<void> {
    const { context, documents } = this.#options;
    context.onRead?.('metadata', 'hit');
    await documents.send(exchange, document, cacheHeaders(context.gate, providerRef(address).name, POLICY));
  }
}
