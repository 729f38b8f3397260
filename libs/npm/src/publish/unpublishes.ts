import type { Action } from '@oci-package-proxy/access';
import { ProxyError } from '@oci-package-proxy/errors';
import type { Fold, PackageRef } from '@oci-package-proxy/storage';

import { fileNameOf } from '../npm-fact.ts';
import { checkEditable, packageEdit } from './package-edit.ts';
import type { PublishDocument } from './publish-document.ts';
import { distTagKey, distTagsOf, highestVersion } from './published-values.ts';
import { done, type WriteAnswer } from './write-answer.ts';
import type { WriteCall, WriteLedger } from './write-ledger.ts';

/** How a whole document was sent back. */
export interface EditCall extends WriteCall {
  readonly revision: string | null;
  readonly authorize: (action: Action) => void | Promise<void>;
}

/** Changes what is published: `npm deprecate`, `npm unpublish`. */
export class Unpublishes {
  readonly #ledger: WriteLedger;

  constructor(ledger: WriteLedger) {
    this.#ledger = ledger;
  }

  /** Applies a document that a client changed. @throws ProxyError as {@link packageEdit} says. */
  async edit(ref: PackageRef, document: PublishDocument, call: EditCall): Promise<WriteAnswer> {
    const state = await this.#read(ref, call);
    if (document.name !== undefined && document.name !== ref.name) {
      throw new ProxyError('unprocessable', `The URL names the package ${ref.name}, and the body another one.`);
    }
    const { changes, deletions } = packageEdit(document, { name: ref.name, state, revision: call.revision });
    if (deletions.length > 0) {
      await call.authorize('delete');
    }
    if (changes.length > 0 || deletions.length === 0) {
      await call.authorize('publish');
    }
    if (changes.length > 0) {
      await this.#ledger.record(ref, changes, { by: call.by, signal: call.signal });
    }
    if (deletions.length > 0) {
      await this.#delete(ref, deletions, call);
    }
    return done('package changed', { name: ref.name });
  }

  /**
   * Unpublishes every version that the client saw.
   * @param how `revision`: of the document that it saw.
   * @throws ProxyError `not-found`, `forbidden`; `conflict` when the package changed meanwhile.
   */
  async all(ref: PackageRef, how: { readonly revision: string | null; readonly mayOmitRevision: boolean }, call: WriteCall): Promise<WriteAnswer> {
    const state = await this.#read(ref, call);
    checkEditable({ name: ref.name, state });
    // Clients write `undefined` where they were shown no revision.
    const isOmitted = how.revision === null || how.revision === 'undefined';
    if (how.revision !== state.revision && !(isOmitted && how.mayOmitRevision)) {
      throw new ProxyError('conflict', `${ref.name} changed since its document was read, and so nothing was unpublished. Try again.`);
    }
    await this.#ledger.delete(ref, [...state.facts.keys()], { by: call.by, signal: call.signal });
    return done('package removed', { name: ref.name });
  }

  /**
   * The tarball of a version that was unpublished went with it, so there is nothing left to do, however often that is asked.
   * @throws ProxyError `conflict` when the version is still there.
   */
  async tarball(ref: PackageRef, file: string, call: WriteCall): Promise<WriteAnswer> {
    const state = await this.#read(ref, call);
    const basename = file.slice(file.lastIndexOf('/') + 1);
    const standing = [...state.facts.values()].find((fact) => basename === fileNameOf(ref.name, fact));
    if (standing !== undefined) {
      throw new ProxyError('conflict', `${file} belongs to ${ref.name}@${standing.version}, which is still published. Unpublish the version first: npm unpublish ${ref.name}@${standing.version}.`);
    }
    return done('tarball removed', { name: ref.name });
  }

  async #delete(ref: PackageRef, tags: readonly string[], call: WriteCall): Promise<void> {
    await this.#ledger.delete(ref, tags, { by: call.by, signal: call.signal });
    // After the deletion, so that a `latest` which somebody publishes meanwhile is seen. Other dist-tags of what is gone are
    // not shown any more, and need no event that could hide a newer one.
    const state = await this.#read(ref, call);
    const highest = highestVersion(state);
    if (!distTagsOf(state).has('latest') && highest !== null) {
      await this.#ledger.record(ref, [{ key: distTagKey('latest'), value: highest }], { by: call.by, signal: call.signal });
    }
  }

  async #read(ref: PackageRef, call: WriteCall): Promise<Fold> {
    return this.#ledger.fold(ref, { fresh: true, signal: call.signal });
  }
}
