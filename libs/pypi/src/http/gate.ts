import type { FastifyRequest } from 'fastify';

import type { Access, Action, Principal } from '@oci-package-proxy/access';
import { annotateRequest, clientAddress, type PlatformConfig } from '@oci-package-proxy/platform';

import { ECOSYSTEM } from '../model/holdings.ts';

const ANONYMOUS: Principal = { kind: 'anonymous', name: 'anonymous', tokenId: null };

/** Asks who is there and what they may. Names are always normalized. */
export class Gate {
  readonly #access: Access;
  readonly #config: Pick<PlatformConfig, 'trustedProxies'>;

  constructor(access: Access, config: Pick<PlatformConfig, 'trustedProxies'>) {
    this.#access = access;
    this.#config = config;
  }

  /** Who asks. @throws ProxyError as `Access.authenticate`. */
  async authenticate(request: FastifyRequest): Promise<Principal> {
    const who = await this.#access.authenticate(request.headers.authorization, { clientAddress: clientAddress(request, this.#config) });
    annotateRequest({ principal: who.name });
    return who;
  }

  /** @param name null: no certain project. @throws ProxyError `unauthenticated`, `forbidden`. */
  authorize(who: Principal, action: Action, name: string | null): void {
    this.#access.authorize(who, action, { ecosystem: ECOSYSTEM, package: name });
  }

  /** Whether {@link authorize} would let it pass. */
  may(who: Principal, action: Action, name: string | null): boolean {
    return this.#access.may(who, action, { ecosystem: ECOSYSTEM, package: name });
  }

  /** Whether everybody may read it: only then may an answer be kept for everybody. */
  isPublic(name: string): boolean {
    return this.may(ANONYMOUS, 'read', name);
  }
}
