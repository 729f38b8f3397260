import type { FastifyRequest } from 'fastify';

import type { Access, Action, Principal } from '@oci-package-proxy/access';
import { annotateRequest, clientAddress, type PlatformConfig } from '@oci-package-proxy/platform';

import { ECOSYSTEM } from '../package-name.ts';

const ANONYMOUS: Principal = { kind: 'anonymous', name: 'anonymous', tokenId: null };

/** Asks who is there and what they may. */
export class Gate {
  readonly #access: Access;
  readonly #config: Pick<PlatformConfig, 'trustedProxies'>;

  constructor(access: Access, config: Pick<PlatformConfig, 'trustedProxies'>) {
    this.#access = access;
    this.#config = config;
  }

  /** Who asks. @throws ProxyError as `Access.authenticate`. */
  async authenticate(request: FastifyRequest): Promise<Principal> {
    const who = await this.#access.authenticate(request.headers.authorization, { clientAddress: this.addressOf(request) });
    annotateRequest({ principal: who.name });
    return who;
  }

  /** @throws ProxyError `unauthenticated`, `forbidden`. */
  authorize(who: Principal, action: Action, name: string | null): void {
    this.#access.authorize(who, action, { ecosystem: ECOSYSTEM, package: name });
  }

  /** Lets pass who may publish or delete: which of them is wanted is known when the body is read. @throws ProxyError `unauthenticated`, `forbidden`. */
  authorizeChange(who: Principal, name: string): void {
    if (!this.#access.may(who, 'delete', { ecosystem: ECOSYSTEM, package: name })) {
      this.authorize(who, 'publish', name);
    }
  }

  /** Whether everybody may read it: only then may an answer be kept for everybody. */
  isPublic(name: string): boolean {
    return this.#access.may(ANONYMOUS, 'read', { ecosystem: ECOSYSTEM, package: name });
  }

  /** Checks a password without signing in; a token in its place is none. @throws ProxyError `unauthenticated`, `rate-limited`. */
  async checkPassword(request: FastifyRequest, who: Principal, password: string): Promise<boolean> {
    const basic = `Basic ${Buffer.from(`${who.name}:${password}`).toString('base64')}`;
    const shown = await this.#access.authenticate(basic, { clientAddress: this.addressOf(request) });
    return shown.kind !== 'token' && shown.name === who.name;
  }

  /** The client's address, as far as trusted proxies tell. */
  addressOf(request: FastifyRequest): string {
    return clientAddress(request, this.#config);
  }
}
