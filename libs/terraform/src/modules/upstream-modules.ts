import type { TerraformUpstream } from '../config/hosts.ts';
import { decodeModuleVersions } from '../documents/upstream-module.ts';
import type { ModuleAddress } from '../model/address.ts';
import type { ReadCall } from '../read/read-port.ts';
import { type Decoded, DecodedDocuments, LIST_MAX_AGE_MS } from '../upstream/decoded-documents.ts';
import type { UpstreamRegistries } from '../upstream/upstream-registry.ts';
import { UpstreamSources } from './upstream-sources.ts';

/** A module and the registry that it is asked of. */
export interface UpstreamModule {
  readonly upstream: TerraformUpstream;
  readonly address: ModuleAddress;
}

/** Modules as upstream registries list them: https://developer.hashicorp.com/terraform/internals/module-registry-protocol */
export class UpstreamModules {
  readonly #registries: Pick<UpstreamRegistries, 'modulesBase'>;
  readonly #lists = new DecodedDocuments<readonly string[]>({ what: 'list of versions of a module', accept: 'application/json', decode: decodeModuleVersions, maxAgeMs: LIST_MAX_AGE_MS });
  readonly #sources = new UpstreamSources();

  constructor(registries: Pick<UpstreamRegistries, 'modulesBase'>) {
    this.#registries = registries;
  }

  /** The versions that upstream lists, as clients read them; null when it does not know the module. @throws ProxyError as `UpstreamDocuments.get`; never `not-found`. */
  async versions(module: UpstreamModule, call: ReadCall = {}): Promise<Decoded<readonly string[]> | null> {
    const url = await this.#url(module, ['versions'], call);
    return url === null ? null : this.#lists.get(module.upstream, url, call);
  }

  /** The go-getter address of a version; null when upstream has none. @throws ProxyError as {@link versions}. */
  async source(module: UpstreamModule, version: string, call: ReadCall = {}): Promise<string | null> {
    const url = await this.#url(module, [version, 'download'], call);
    return url === null ? null : this.#sources.get(module.upstream, url, call);
  }

  async #url({ upstream, address }: UpstreamModule, path: readonly string[], call: ReadCall): Promise<string | null> {
    const base = await this.#registries.modulesBase(upstream, call);
    // The rest is of characters that a path may have as they are, which is how clients write it.
    return base === null ? null : new URL([address.namespace, address.name, address.system, ...path].join('/'), base).href;
  }
}
