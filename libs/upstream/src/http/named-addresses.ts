import { isIP } from 'node:net';

import type { Resolve } from './address-guard.ts';

/** How long what a name resolved to is believed, in milliseconds. */
const REMEMBERED_MS = 60_000;

interface Known {
  readonly addresses: Promise<ReadonlySet<string>>;
  readonly until: number;
}

/**
 * Where the configured upstreams are. An index often names files on another host of the same operator, and in networks that reach
 * the outside through one gateway every host has that gateway's address, which is not a public one: what listens at an address and
 * port that the operator has named is trusted by every name.
 */
export class NamedAddresses {
  readonly #urls: readonly URL[];
  readonly #resolve: Resolve;
  readonly #known = new Map<string, Known>();

  /** @param origins of the configured upstreams. */
  constructor(origins: Iterable<string>, resolve: Resolve) {
    this.#urls = [...origins].map((origin) => new URL(origin));
    this.#resolve = resolve;
  }

  /** The addresses of the upstreams that listen on the same port as `url`; those whose names cannot be resolved now are left out. Never throws. */
  async besides(url: URL): Promise<ReadonlySet<string>> {
    const port = portOf(url);
    const known = this.#known.get(port);
    if (known !== undefined && Date.now() < known.until) {
      return known.addresses;
    }
    const addresses = this.#addressesOf(port);
    this.#known.set(port, { addresses, until: Date.now() + REMEMBERED_MS });
    return addresses;
  }

  async #addressesOf(port: string): Promise<ReadonlySet<string>> {
    const hosts = this.#urls.filter((url) => portOf(url) === port).map(({ hostname }) => hostname.replace(/^\[|\]$/g, ''));
    const resolved = await Promise.all(hosts.map(async (host) => this.#resolved(host)));
    return new Set(resolved.flat());
  }

  async #resolved(host: string): Promise<readonly string[]> {
    return isIP(host) === 0 ? this.#resolve(host).then((found) => found.map(({ address }) => address), () => []) : [host];
  }
}

function portOf({ protocol, port }: URL): string {
  return `${protocol}${port}`;
}
