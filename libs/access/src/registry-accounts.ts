import { createHmac, randomBytes } from 'node:crypto';

import type { UserCredential } from '@oci-package-proxy/oci';

import type { Action, Principal } from './access-port.ts';
import type { PassThrough } from './pass-through.ts';
import type { Credentials } from './passwords.ts';
import { PasswordThrottle } from './password-throttle.ts';
import { RegistryAnswers } from './registry-answers.ts';
import { RememberedAnswers } from './remembered-answers.ts';
import type { Subject } from './rights.ts';

const REMEMBER_MS = 60_000;
/** Shorter: an account that was just made, or let in again, should not wait for long. */
const REMEMBER_WRONG_MS = 10_000;
const MAX_REMEMBERED = 10_000;
const MAX_SIGN_INS = 256;
const NAME = /^[^\p{Cc}]{1,255}$/u;

/** A credential that was shown, and what stands for it where it must not be. */
interface Shown {
  readonly credential: UserCredential;
  /** HMAC of the credential under a key that only this process has. */
  readonly mark: string;
}

/**
 * Accounts that the registry knows and we do not: it is asked whether it takes the credential, and what that may. A credential is held for
 * as long as the request that shows it; what is remembered for 60 seconds are the registry's answers, under an HMAC.
 */
export class RegistryAccounts {
  readonly #passThrough: PassThrough;
  readonly #key = randomBytes(32);
  readonly #throttle: PasswordThrottle;
  readonly #signIns: RememberedAnswers<boolean>;
  readonly #answers: RegistryAnswers;
  readonly #shown = new WeakMap<Principal, Shown>();

  /** @param clock milliseconds since the epoch. */
  constructor(passThrough: PassThrough, clock: () => number) {
    this.#passThrough = passThrough;
    this.#throttle = new PasswordThrottle(clock);
    this.#signIns = new RememberedAnswers({ keepMs: (right) => (right ? REMEMBER_MS : REMEMBER_WRONG_MS), capacity: MAX_REMEMBERED, atOnce: MAX_SIGN_INS, clock });
    this.#answers = new RegistryAnswers(passThrough, clock);
  }

  /**
   * The account whose credential this is; null: the registry does not take it.
   * @throws ProxyError `rate-limited` after many wrong ones, `storage-unavailable`, `storage-denied`.
   */
  async signIn({ name, password, clientAddress }: Credentials): Promise<Principal | null> {
    if (!NAME.test(name) || password === '') {
      return null;
    }
    const credential = { username: name, password };
    const mark = createHmac('sha256', this.#key).update(JSON.stringify([name, password])).digest('base64');
    const check = async (): Promise<boolean> => this.#throttle.attempt({ name, address: clientAddress, mark }, async () => this.#passThrough.rights.knows(credential));
    if (!(await this.#signIns.get(mark, check, `${mark} ${clientAddress}`))) {
      return null;
    }
    const principal: Principal = { kind: 'registry', name, tokenId: null };
    this.#shown.set(principal, { credential, mark });
    return principal;
  }

  /**
   * Whether the registry lets the account that `principal` stands for do it, in every place that counts. A principal that was not made
   * here may nothing.
   * @throws ProxyError `storage-unavailable`, `storage-denied`: what cannot be asked is no answer.
   */
  async may(principal: Principal, action: Action, subject: Subject): Promise<boolean> {
    const shown = this.#shown.get(principal);
    if (shown === undefined || action === 'admin') {
      return false;
    }
    if (subject.package === null) {
      // Whatever list it is, it holds only what may be read.
      return action === 'read';
    }
    const places = this.#passThrough.placesOf(subject.ecosystem, subject.package);
    return this.#answers.may(shown, action, places);
  }

  /** Forgets every answer. */
  forget(): void {
    this.#signIns.clear();
    this.#answers.forget();
  }
}
