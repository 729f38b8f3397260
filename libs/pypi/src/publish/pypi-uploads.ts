import { isProxyError, ProxyError } from '@oci-package-proxy/errors';
import { fileTag } from '@oci-package-proxy/mapping';
import { beforeWriting, type Fold, isDeletedIn, type LedgerPort, type NewFact, type PackageRef, type PublishOutcome } from '@oci-package-proxy/storage';

import { parseFilename } from '../names/filename.ts';
import { canonicalVersion } from '../names/version.ts';
import { ownStatus } from '../read/project-status.ts';
import { shown } from './archive/archive-failure.ts';
import { checkDigests } from './digest-check.ts';
import { fileContent } from './file-content.ts';
import type { PublishTargets, UploadAnswer, UploadRequest, Uploads } from './publish-port.ts';
import { uploadedAttestations } from './upload-attestations.ts';
import { readUploadBody, type UploadBody } from './upload-body.ts';
import { type UploadForm, uploadForm } from './upload-form.ts';
import { uploadedFact } from './uploaded-fact.ts';

/** What {@link PypiUploads} needs. */
export interface PypiUploadsOptions {
  readonly ledger: Pick<LedgerPort, 'fold' | 'publish' | 'refreshSnapshot'>;
  readonly targets: PublishTargets;
  /** Where the temporary files go; it must exist. */
  readonly directory: string;
  /** The most that a file may have, in bytes. */
  readonly limits: { readonly publishBytes: number };
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
  /** Nothing is logged without one. */
  readonly logger?: { warn(fields: Readonly<Record<string, unknown>>, message: string): void };
}

/** Takes uploads: the "legacy" API of the public index, as `twine`, `uv publish` and all others speak it. */
export class PypiUploads implements Uploads {
  readonly #options: PypiUploadsOptions;

  constructor(options: PypiUploadsOptions) {
    this.#options = options;
  }

  /** `Uploads.upload` @throws ProxyError `policy` too, for an archived or quarantined project. */
  async upload(request: UploadRequest): Promise<UploadAnswer> {
    const { directory, limits } = this.#options;
    const { contentType, signal } = request;
    const body = await readUploadBody(request.body, { contentType, directory, limits, signal, onName: (name) => request.authorize(name) });
    try {
      return await this.#publish(request, body);
    } finally {
      await body.dispose();
    }
  }

  async #publish(request: UploadRequest, { fields, content: sent }: UploadBody): Promise<UploadAnswer> {
    const form = uploadForm(fields, sent);
    const { file } = form;
    const { signal } = request;
    await checkDigests(fields, file);
    const sha256 = await file.digest('sha256');
    const content = await fileContent(form, signal);
    const attestations = uploadedAttestations(form.attestations, { filename: form.filename, sha256 });
    const at = new Date((this.#options.clock ?? Date.now)());
    const fact = uploadedFact({ form, sha256, content, attestations, at });
    const outcome = await this.#store(request, form, fact);
    return { outcome, name: form.name, filename: form.filename };
  }

  async #store(request: UploadRequest, form: UploadForm, fact: NewFact): Promise<PublishOutcome> {
    const { targets } = this.#options;
    const { index, signal } = request;
    const ref = await targets.targetOf(index, form.name, signal);
    try {
      return await this.#storeIn(ref, { request, form, fact });
    } catch (error) {
      // What is pulled through of a merged project first takes its main place, and may have done so just now.
      const now = isProxyError(error, 'conflict') ? await targets.targetOf(index, form.name, signal).catch(() => ref) : ref;
      if (now.repository !== ref.repository) {
        return this.#storeIn(now, { request, form, fact });
      }
      throw await this.#explained(error, ref, form);
    }
  }

  async #storeIn(ref: PackageRef, { request, form, fact }: { readonly request: UploadRequest; readonly form: UploadForm; readonly fact: NewFact }): Promise<PublishOutcome> {
    const { ledger } = this.#options;
    const state = await beforeWriting(() => ledger.fold(ref, { fresh: true, signal: request.signal }));
    checkStatus(form, state);
    checkOnlySdist(form, state);
    const outcome = await ledger.publish(ref, fact, { by: request.by, signal: request.signal });
    // No worker looks after what is published, and each start would read every file of it one by one.
    ledger.refreshSnapshot(ref).catch((err: unknown) => this.#options.logger?.warn({ package: ref.name, err }, 'snapshot was not refreshed'));
    return outcome;
  }

  /** Clients show this sentence, and some look for "already exists" in it when they are to pass over what is there. */
  async #explained(error: unknown, ref: PackageRef, form: UploadForm): Promise<unknown> {
    if (!isProxyError(error, 'conflict')) {
      return error;
    }
    const state = await this.#options.ledger.fold(ref, { fresh: true }).catch(() => null);
    const tag = fileTag(form.filename);
    const advice = `Raise the version${form.distribution.kind === 'wheel' ? ' (or, for a mere rebuild, the build tag of the wheel)' : ''} and upload again.`;
    if (state !== null && isDeletedIn(state, tag)) {
      return new ProxyError('conflict', `${shown(form.filename)} was deleted, and the name of a deleted file is never used again. ${advice}`, { cause: error });
    }
    if (state?.facts.has(tag) === true) {
      return new ProxyError('conflict', `${shown(form.filename)} already exists with other contents, and a published file never changes. ${advice}`, { cause: error });
    }
    return error;
  }
}

/** PEP 792: archived and quarantined projects take no files. */
function checkStatus({ name }: UploadForm, state: Fold): void {
  const status = ownStatus(state);
  if (status?.status === 'archived' || status?.status === 'quarantined') {
    const why = status.reason === null ? '' : ` (${status.reason})`;
    throw new ProxyError('policy', `${name} is ${status.status}${why}, and takes no files. Have its status changed first.`);
  }
}

/** A release has one source distribution, however it is named and packed, as installers would have to guess which is meant. */
function checkOnlySdist({ name, filename, distribution }: UploadForm, state: Fold): void {
  // What is there is the same or another file, whatever else a race has let in beside it.
  if (distribution.kind !== 'sdist' || state.facts.has(fileTag(filename))) {
    return;
  }
  for (const { version: stored } of state.facts.values()) {
    const other = parseFilename(stored, name);
    if (other?.kind === 'sdist' && canonicalVersion(other.version) === canonicalVersion(distribution.version)) {
      throw new ProxyError('conflict', `A source distribution of ${name} ${distribution.version} already exists, ${shown(stored)}, and so ${shown(filename)} cannot be added to it. Raise the version and upload again.`);
    }
  }
}
