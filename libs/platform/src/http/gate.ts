import type { FastifyRequest } from 'fastify';

import type { Access, Action, Principal } from '@oci-package-proxy/access';

import type { PlatformConfig } from '../config/platform-config.ts';
import { annotateRequest } from '../logging/exchange.ts';
import { clientAddress } from './trusted-proxies.ts';

const ANONYMOUS: Principal = { kind: 'anonymous', name: 'anonymous', tokenId: null };

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

  /** @param name null: no certain package. @throws ProxyError `unauthenticated`, `forbidden`. */
  authorize(who: Principal, action: Action, name: string | null): void {
    this.#options.access.authorize(who, action, { ecosystem: this.#options.ecosystem, package: name });
  }

  /** Whether {@link authorize} would let it pass. */
  may(who: Principal, action: Action, name: string | null): boolean {
    return this.#options.access.may(who, action, { ecosystem: this.#options.ecosystem, package: name });
  }

  /** Lets pass who may publish or delete: which of them is wanted is known when the body is read. @throws ProxyError `unauthenticated`, `forbidden`. */
  authorizeChange(who: Principal, name: string): void {
    if (!this.may(who, 'delete', name)) {
      this.authorize(who, 'publish', name);
    }
  }

  /** Whether everybody may read it: only then may an answer be kept for everybody. */
  isPublic(name: string): boolean {
    return this.may(ANONYMOUS, 'read', name);
  }

  /** Checks a password without signing in; a token in its place is none. @throws ProxyError `unauthenticated`, `rate-limited`. */
  async checkPassword(request: FastifyRequest, who: Principal, password: string): Promise<boolean> {
    const basic = `Basic ${Buffer.from(`${who.name}:${password}`).toString('base64')}`;
    const shown = await this.#options.access.authenticate(basic, { clientAddress: this.addressOf(request) });
    return shown.kind !== 'token' && shown.name === who.name;
  }

  /** The client's address, as far as trusted proxies tell. */
  addressOf(request: FastifyRequest): string {
    return clientAddress(request, this.#options.config);
  }
}
