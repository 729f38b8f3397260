import { ProxyError } from '@oci-package-proxy/errors';

import { moduleLocation, moduleVersionsDocument } from '../documents/module-documents.ts';
import { type ModuleAddress, moduleRef, moduleText } from '../model/address.ts';
import type { ModuleReader } from '../read/read-port.ts';
import { latestVersion } from '../versions/version.ts';
import { inTime } from './deadline.ts';
import type { JsonDocuments } from './json-documents.ts';
import { cacheHeaders, fileUrls, READ, type ReadContext, readableModule, versionIn, wantsFresh } from './read-context.ts';
import type { Exchange, Route } from './exchange.ts';

const POLICY = 'no-cache';

type Reader = Pick<ModuleReader, 'versions' | 'archive'>;

/** What {@link moduleRoutes} answers from. */
export interface ModuleRoutesOptions {
  readonly context: ReadContext;
  readonly reader: Reader;
  readonly documents: JsonDocuments;
}

/** The module registry protocol, for the own host and for every upstream host. */
export function moduleRoutes(options: ModuleRoutesOptions): Route[] {
  const modules = new Modules(options);
  return ['modules/v1', 'upstream/:host/modules/v1'].flatMap((base) => [
    { methods: READ, pattern: `${base}/:namespace/:name/:system/versions`, handler: async (exchange: Exchange) => modules.versions(exchange) },
    { methods: READ, pattern: `${base}/:namespace/:name/:system/download`, handler: async (exchange: Exchange) => modules.latest(exchange) },
    { methods: READ, pattern: `${base}/:namespace/:name/:system/:version/download`, handler: async (exchange: Exchange) => modules.location(exchange) },
  ]);
}

class Modules {
  readonly #options: ModuleRoutesOptions;

  constructor(options: ModuleRoutesOptions) {
    this.#options = options;
  }

  async versions(exchange: Exchange): Promise<void> {
    const { context, documents } = this.#options;
    const address = await readableModule(exchange, context);
    const document = moduleVersionsDocument({ versions: await this.#versions(exchange, address) }, address);
    context.onRead?.('metadata', 'hit');
    await documents.send(exchange, document, this.#headers(address));
  }

  async location(exchange: Exchange): Promise<void> {
    const { context, reader, documents } = this.#options;
    const address = await readableModule(exchange, context);
    const version = versionIn(exchange.params['version'], moduleText(address));
    const claim = await inTime(exchange.started, async (signal) => reader.archive(address, version, { signal, fresh: wantsFresh(exchange) }));
    if (claim === null) {
      throw new ProxyError('not-found', `${moduleText(address)} has no version ${version}.`);
    }
    const { header, body } = moduleLocation(claim, fileUrls(exchange, context)(claim));
    context.onRead?.('metadata', 'hit');
    await documents.send(exchange, body, { ...this.#headers(address), 'x-terraform-get': header });
  }

  /** Leads to the newest version's download; the address is relative, so that it is right behind whatever stands before us. */
  async latest(exchange: Exchange): Promise<void> {
    const { context } = this.#options;
    const address = await readableModule(exchange, context);
    const version = latestVersion(await this.#versions(exchange, address));
    if (version === null) {
      throw new ProxyError('not-found', `${moduleText(address)} has no version.`);
    }
    context.onRead?.('metadata', 'hit');
    await exchange.reply.code(302).headers(this.#headers(address)).header('location', `./${encodeURIComponent(version)}/download`).send();
  }

  async #versions(exchange: Exchange, address: ModuleAddress): Promise<readonly string[]> {
    const found = await inTime(exchange.started, async (signal) => this.#options.reader.versions(address, { signal, fresh: wantsFresh(exchange) }));
    if (found === null) {
      throw new ProxyError('not-found', `There is no module ${moduleText(address)}.`);
    }
    return found.versions;
  }

  #headers(address: ModuleAddress): Record<string, string> {
    return cacheHeaders(this.#options.context.gate, moduleRef(address).name, POLICY);
  }
}
