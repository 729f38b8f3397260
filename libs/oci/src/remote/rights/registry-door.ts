import { ProxyError } from '@oci-package-proxy/errors';

import { parseChallenges } from '../auth/challenge.ts';
import { tokenRealm } from '../auth/realm.ts';
import type { Answer, RegistryRequest } from '../http/exchange.ts';

/** For so long the registry is not asked again how it lets in; it is when a request meets another way. */
const REMEMBER_MS = 10 * 60_000;

/** How a registry wants credentials to be shown. */
export type Door = { readonly kind: 'basic' } | { readonly kind: 'bearer'; readonly realm: URL; readonly service: string | undefined };

/** What a 401 asks for. */
export interface Knock {
  readonly door: Door;
  /** The scopes that it names. */
  readonly scope: string | undefined;
}

/**
 * What the challenges of a 401 ask for; null: nothing that we know.
 * @throws ProxyError `storage-denied` when they lead where no credential may go, as for our own.
 */
export function knockOf(answer: Pick<Answer, 'headers'>, registry: URL): Knock | null {
  const challenges = parseChallenges(answer.headers['www-authenticate']);
  const bearer = challenges.find(({ scheme }) => scheme === 'bearer')?.parameters;
  const realm = tokenRealm(bearer?.get('realm'), registry);
  if (bearer !== undefined && realm !== null) {
    return { door: { kind: 'bearer', realm, service: bearer.get('service') }, scope: bearer.get('scope') };
  }
  if (challenges.some(({ scheme }) => scheme === 'basic')) {
    return { door: { kind: 'basic' }, scope: undefined };
  }
  if (bearer === undefined) {
    return null;
  }
  throw new ProxyError('storage-denied', `asking ${registry.host} for rights: it names a token service that no credential is sent to; it must be https, and no private address`);
}

/** Whether both are the same way in. */
export function sameDoor(one: Door, other: Door): boolean {
  return one.kind === 'bearer' && other.kind === 'bearer' ? one.realm.href === other.realm.href && one.service === other.service : one.kind === other.kind;
}

/** How one registry lets in, as it says of itself; nobody's credential is shown for it. */
export class RegistryDoor {
  readonly #registry: URL;
  readonly #send: (request: RegistryRequest) => Promise<Answer>;
  readonly #clock: () => number;
  #known: { readonly door: Promise<Door>; until: number } | null = null;

  constructor(options: { readonly registry: URL; readonly send: (request: RegistryRequest) => Promise<Answer>; readonly clock: () => number }) {
    this.#registry = options.registry;
    this.#send = options.send;
    this.#clock = options.clock;
  }

  /** @throws ProxyError `storage-unavailable`, `storage-denied`. */
  async find(): Promise<Door> {
    if (this.#known === null || this.#known.until <= this.#clock()) {
      const known = { door: this.#ask(), until: this.#clock() + REMEMBER_MS };
      known.door.catch(() => {
        if (this.#known === known) {
          this.#known = null;
        }
      });
      this.#known = known;
    }
    return this.#known.door;
  }

  /** A request met this one. */
  met(door: Door): void {
    this.#known = { door: Promise.resolve(door), until: this.#clock() + REMEMBER_MS };
  }

  async #ask(): Promise<Door> {
    const url = new URL('/v2/', this.#registry);
    const answer = await this.#send({ method: 'GET', url, subject: `asking ${this.#registry.host} how it lets in`, access: null });
    // Whoever lets strangers in here may want to know more elsewhere; Basic is what can be shown unasked.
    return (answer.status === 401 ? knockOf(answer, this.#registry)?.door : undefined) ?? { kind: 'basic' };
  }
}
