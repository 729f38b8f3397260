import type { RepositoryAction, RightsAnswer, UserCredential } from '@oci-package-proxy/oci';

import type { Action } from './access-port.ts';
import type { PassThrough, PassThroughPlace } from './pass-through.ts';
import { RememberedAnswers } from './remembered-answers.ts';

const REMEMBER_MS = 60_000;
const MAX_REMEMBERED = 50_000;
const MAX_QUESTIONS = 2_000;

/** Whose rights are asked for. */
export interface Asking {
  readonly credential: UserCredential;
  /** Stands for the credential. */
  readonly mark: string;
}

/** What the registry says of accounts and repositories, each answer for 60 seconds from when it was asked for. */
export class RegistryAnswers {
  readonly #passThrough: PassThrough;
  readonly #rights: RememberedAnswers<RightsAnswer>;
  readonly #holds: RememberedAnswers<boolean>;

  /** @param clock milliseconds since the epoch. */
  constructor(passThrough: PassThrough, clock: () => number) {
    const how = { keepMs: () => REMEMBER_MS, capacity: MAX_REMEMBERED, atOnce: MAX_QUESTIONS, clock };
    this.#passThrough = passThrough;
    this.#rights = new RememberedAnswers(how);
    this.#holds = new RememberedAnswers(how);
  }

  /**
   * Whether it may be done in the usual place, which comes first, and in every other one that has something in it: what is shown of a
   * package may come from any of them.
   * @throws ProxyError `storage-unavailable`, `storage-denied`.
   */
  async may(asking: Asking, action: Exclude<Action, 'admin'>, [usual, ...others]: readonly PassThroughPlace[]): Promise<boolean> {
    if (usual === undefined || !(await this.#mayIn(asking, action, usual))) {
      return false;
    }
    const allowed = others.map(async (place) => !(await this.#has(place)) || this.#mayIn(asking, action, place));
    return (await Promise.all(allowed)).every((may) => may);
  }

  /** Forgets every answer. */
  forget(): void {
    this.#rights.clear();
    this.#holds.clear();
  }

  async #mayIn(asking: Asking, action: Exclude<Action, 'admin'>, place: PassThroughPlace): Promise<boolean> {
    switch (action) {
      case 'read':
        return this.#mayRead(asking, place);
      case 'publish':
        return (await this.#ask(asking, 'push', place.repository)) === 'yes';
      case 'delete':
        return this.#mayDelete(asking, place);
    }
  }

  async #mayRead(asking: Asking, place: PassThroughPlace): Promise<boolean> {
    const answer = await this.#ask(asking, 'pull', place.repository);
    if (answer === 'yes') {
      return true;
    }
    // What is there for us is hidden or forbidden to them.
    if (await this.#has(place)) {
      return false;
    }
    const { prefix } = this.#passThrough;
    // Some registries give no right to what is not there yet: then the right to what stands before it counts.
    return answer === 'missing' || (prefix !== null && (await this.#ask(asking, 'pull', prefix)) === 'yes');
  }

  /** A deletion is a tag that we push, and nobody shall delete who may not push. */
  async #mayDelete(asking: Asking, { repository }: PassThroughPlace): Promise<boolean> {
    return (await this.#ask(asking, 'push', repository)) === 'yes' && ['yes', 'unsaid'].includes(await this.#ask(asking, 'delete', repository));
  }

  async #ask({ credential, mark }: Asking, action: RepositoryAction, repository: string): Promise<RightsAnswer> {
    return this.#rights.get(`${mark} ${action} ${repository}`, async () => this.#passThrough.rights.may(credential, action, repository));
  }

  async #has(place: PassThroughPlace): Promise<boolean> {
    return this.#holds.get(place.repository, async () => place.holds());
  }
}
