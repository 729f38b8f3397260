import { isProxyError, ProxyError } from '@oci-package-proxy/errors';

import { basicAuthorization } from '../auth/credentials.ts';
import { type Access, scopesBeyond, scopeText } from '../auth/scope.ts';
import { requestToken } from '../auth/token-request.ts';
import type { Answer, RegistryRequest } from '../http/exchange.ts';
import { type Door, knockOf, type RegistryDoor, sameDoor } from './registry-door.ts';
import type { UserCredential } from './registry-rights.ts';

/** What a {@link ShownCredential} asks with. */
export interface ShowingParts {
  readonly registry: URL;
  readonly door: RegistryDoor;
  /** Once, as it is: no redirect is followed. */
  readonly send: (request: RegistryRequest) => Promise<Answer>;
  readonly signal: AbortSignal;
}

/** What the token service gave: null when it refuses the credential this. */
export type Ticket = { readonly kind: 'basic'; readonly authorization: string } | { readonly kind: 'bearer'; readonly authorization: string; readonly token: string };

const REFUSALS: ReadonlySet<number> = new Set([401, 403]);

/** Somebody's credential, shown to the registry and its token service for one question, and to nobody else. Its tokens end with it. */
export class ShownCredential {
  readonly #credential: UserCredential;
  readonly #parts: ShowingParts;

  constructor(credential: UserCredential, parts: ShowingParts) {
    this.#credential = credential;
    this.#parts = parts;
  }

  /** What a request for `access` is to carry; null: the token service refuses it. @throws ProxyError `storage-unavailable`, `storage-denied`. */
  async ticket(access: Access | null): Promise<Ticket | null> {
    return this.#ticketFor(await this.#parts.door.find(), access === null ? [] : [scopeText(access)]);
  }

  /**
   * Sends a request to the registry's own origin with the credential, once more when it meets another challenge than was known.
   * @returns null when the token service refuses it.
   * @throws ProxyError `storage-unavailable`, `storage-denied`.
   */
  async ask(request: RegistryRequest, ticket: Ticket | null): Promise<Answer | null> {
    if (ticket === null) {
      return null;
    }
    const answer = await this.#send(request, ticket);
    const better = answer.status === 401 ? await this.#better(answer, request.access) : null;
    return better === null ? answer : this.#send(request, better);
  }

  async #send(request: RegistryRequest, { authorization }: Ticket): Promise<Answer> {
    const { registry, send, signal } = this.#parts;
    if (request.url.origin !== registry.origin) {
      throw new ProxyError('internal', `${request.subject}: a credential would have left ${registry.host}`);
    }
    return send({ ...request, headers: { ...request.headers, authorization }, signal });
  }

  /** A ticket by another door, or for the scopes that the registry names beyond ours: behind gateways names differ. */
  async #better(answer: Answer, access: Access | null): Promise<Ticket | null> {
    const { door, registry } = this.#parts;
    const knock = knockOf(answer, registry);
    if (knock === null) {
      return null;
    }
    const further = scopesBeyond(access, knock.scope).slice(0, 8);
    if (sameDoor(knock.door, await door.find()) && (further.length === 0 || knock.door.kind === 'basic')) {
      return null;
    }
    door.met(knock.door);
    return this.#ticketFor(knock.door, [...(access === null ? [] : [scopeText(access)]), ...further]);
  }

  async #ticketFor(door: Door, scopes: readonly string[]): Promise<Ticket | null> {
    const { username, password } = this.#credential;
    if (door.kind === 'basic') {
      return { kind: 'basic', authorization: basicAuthorization(username, password) };
    }
    const { registry, send, signal } = this.#parts;
    let status = 0;
    const credential = { username, password };
    try {
      const { token } = await requestToken({ realm: door.realm, service: door.service, scopes, credential, host: registry.host, signal }, async (request) => {
        const answer = await send(request);
        status = answer.status;
        return answer;
      });
      return { kind: 'bearer', authorization: `Bearer ${token}`, token };
    } catch (error) {
      if (REFUSALS.has(status)) {
        return null;
      }
      if (status >= 400 && isProxyError(error, 'storage-denied')) {
        // Its text speaks of our own credential.
        throw new ProxyError('storage-unavailable', `asking ${registry.host} for rights: its token service ${door.realm.host} answered ${status}, which says nothing of them`);
      }
      throw error;
    }
  }
}
