import type { FastifyRequest } from 'fastify';

import type { Access, Action, Principal } from '@oci-package-proxy/access';

import type { PlatformConfig } from '../config/platform-config.ts';
import { annotateRequest } from '../logging/exchange.ts';
import { clientAddress } from './trusted-proxies.ts';

/** Packages of one list for which the registry is asked what somebody may. */
const MAX_ASKED = 500;
const ASKED_AT_ONCE = 8;

/** What {@link Gate} needs. */
export interface GateOptions {
  readonly access: Access;
  readonly config: Pick<PlatformConfig, 'trustedProxies'>;
  /** Whose packages it is about. */
  readonly ecosystem: string;
}

/** Asks who is there and what they may do with the packages of one ecosystem. */
export class Gate {
  readonly #options: GateOptions;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** Who asks. @throws ProxyError as `Access.authenticate`. */
  async authenticate(request: FastifyRequest): Promise<Principal> {
    const who = await this.#options.access.authenticate(request.headers.authorization, { clientAddress: this.addressOf(request) });
    annotateRequest({ principal: who.name });
    return who;
  }

  /** @param name null: no certain package. @throws ProxyError `unauthenticated`, `forbidden`; `storage-unavailable`, `storage-denied` where the registry decides. */
  async authorize(who: Principal, action: Action, name: string | null): Promise<void> {
    await this.#options.access.authorize(who, action, this.#subject(name));
  }

  /** Whether {@link authorize} would let it pass. @throws ProxyError `storage-unavailable`, `storage-denied` where the registry decides. */
  async may(who: Principal, action: Action, name: string | null): Promise<boolean> {
    return this.#options.access.may(who, action, this.#subject(name));
  }

  /** Lets pass who may publish or delete: which of them is wanted is known when the body is read. @throws ProxyError as {@link authorize}. */
  async authorizeChange(who: Principal, name: string): Promise<void> {
    if (!(await this.may(who, 'delete', name))) {
      await this.authorize(who, 'publish', name);
    }
  }

  /** Whether everybody may read it: only then may an answer be kept for everybody. */
  isPublic(name: string): boolean {
    return this.#options.access.isPublic(this.#subject(name));
  }

  /**
   * Those of a list that the caller may read, in their order. Where the registry decides, it is asked for the first 500 of what not everybody
   * may read, a few at a time; the rest is left out.
   * @param nameOf the package's name.
   * @throws ProxyError `storage-unavailable`, `storage-denied` where the registry decides.
   */
  async readable<T>(who: Principal, items: readonly T[], nameOf: (item: T) => string): Promise<T[]> {
    const open = items.map((item) => this.isPublic(nameOf(item)));
    const closed = [...items.keys()].filter((index) => open[index] !== true);
    const asked = who.kind === 'registry' ? closed.slice(0, MAX_ASKED) : closed;
    const next = asked.values();
    const ask = async (): Promise<void> => {
      for (const index of next) {
        const item = items[index];
        open[index] = item !== undefined && (await this.may(who, 'read', nameOf(item)));
      }
    };
    await Promise.all(Array.from({ length: ASKED_AT_ONCE }, ask));
    return items.filter((_item, index) => open[index]);
  }

  /** Checks a password without signing in; a token in its place is none. @throws ProxyError `unauthenticated`, `rate-limited`. */
  async checkPassword(request: FastifyRequest, who: Principal, password: string): Promise<boolean> {
    const basic = `Basic ${Buffer.from(`${who.name}:${password}`).toString('base64')}`;
    const shown = await this.#options.access.authenticate(basic, { clientAddress: this.addressOf(request) });
    // The registry's accounts may be called like users here.
    return shown.kind !== 'token' && (shown.kind === 'registry') === (who.kind === 'registry') && shown.name === who.name;
  }

  /** The client's address, as far as trusted proxies tell. */
  addressOf(request: FastifyRequest): string {
    return clientAddress(request, this.#options.config);
  }

  #subject(name: string | null): { readonly ecosystem: string; readonly package: string | null } {
    return { ecosystem: this.#options.ecosystem, package: name };
  }
}
