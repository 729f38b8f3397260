import { randomBytes } from 'node:crypto';

import { isProxyError, ProxyError } from '@oci-package-proxy/errors';
import { type Fold, isDeletedIn, type LedgerPort } from '@oci-package-proxy/storage';

import { shown } from '../archives/archive-failure.ts';
import { type ProviderAddress, providerText } from '../model/address.ts';
import type { StagedUpload, WriteCall } from './publish-port.ts';
import type { ReleaseFile } from './release-files.ts';
import { sessionFact, sessionOf, sessionTag, type StagedFile, stagedFileFact, stagedFileOf, stagedRef } from './staged-fact.ts';
import { MAX_FILES } from './upload-parts.ts';

const LIFETIME_MS = 86_400_000;
const ID = /^[0-9a-f]{16}$/;

/** What {@link StagedUploads} needs. */
export interface StagedUploadsOptions {
  readonly ledger: Pick<LedgerPort, 'fold' | 'publish' | 'delete' | 'refreshSnapshot'>;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly logger?: { warn(fields: Readonly<Record<string, unknown>>, message: string): void } | undefined;
}

/** One upload in several requests. */
export interface StagedTarget {
  readonly address: ProviderAddress;
  readonly version: string;
  readonly id: string;
}

/**
 * Keeps the files of uploads in several requests in storage, so that any replica can go on with them. A session and each of its
 * files is a fact of a package of its own; all are deleted when it ends. A session ends after a day by itself: it is not found from
 * then on, and what it left is deleted when the next session of that provider begins.
 */
export class StagedUploads {
  readonly #options: StagedUploadsOptions;

  constructor(options: StagedUploadsOptions) {
    this.#options = options;
  }

  /** Begins one, and deletes what older ones left. */
  async begin(address: ProviderAddress, version: string, call: WriteCall): Promise<StagedUpload> {
    const { ledger } = this.#options;
    await this.#sweep(address, call);
    const id = randomBytes(8).toString('hex');
    await ledger.publish(stagedRef(address), sessionFact({ id, version }, this.#now()), call);
    return { id, version, files: [] };
  }

  /** What is staged. @throws ProxyError `not-found`. */
  async find(target: StagedTarget, call: Pick<WriteCall, 'signal'>): Promise<StagedUpload> {
    const files = (await this.files(target, call)).map(({ filename, layer }) => ({ filename, size: layer.size, sha256: layer.digest.slice('sha256:'.length) }));
    return { id: target.id, version: target.version, files };
  }

  /** The staged files in storage, by name. @throws ProxyError `not-found`. */
  async files(target: StagedTarget, { signal }: Pick<WriteCall, 'signal'>): Promise<readonly StagedFile[]> {
    const state = await this.#options.ledger.fold(stagedRef(target.address), { fresh: true, signal });
    this.#checkOpen(state, target);
    const files = [...state.facts.values()].flatMap((fact) => stagedFileOf(target.id, fact) ?? []);
    return files.sort((one, other) => (one.filename < other.filename ? -1 : 1));
  }

  /** Stages a file. @throws ProxyError `not-found`; `conflict` where that part of the release is there with other bytes; `too-large` for one too many. */
  async add(target: StagedTarget, file: ReleaseFile, call: WriteCall): Promise<StagedUpload> {
    const ref = stagedRef(target.address);
    if ((await this.files(target, call)).length >= MAX_FILES) {
      throw new ProxyError('too-large', `The upload has the ${MAX_FILES} files already that a release may have.`);
    }
    const fact = stagedFileFact(target.id, file, this.#now());
    try {
      await this.#options.ledger.publish(ref, fact, call);
    } catch (error) {
      if (!isProxyError(error, 'conflict')) {
        throw error;
      }
      // Says so if it was ended meanwhile, which is another reason not to take the file.
      await this.find(target, call);
      throw new ProxyError('conflict', `${shown(file.name.filename)} is staged already with other bytes. Abandon this upload and begin another one.`, { cause: error });
    }
    return this.find(target, call);
  }

  /** Ends it, and deletes its files. @throws ProxyError `not-found`. */
  async end(target: StagedTarget, call: WriteCall): Promise<void> {
    const { ledger, logger } = this.#options;
    const ref = stagedRef(target.address);
    const state = await ledger.fold(ref, { fresh: true, signal: call.signal });
    this.#checkOpen(state, target);
    const tags = [...state.facts.values()].filter((fact) => stagedFileOf(target.id, fact) !== null).map(({ tag }) => tag);
    await ledger.delete(ref, [sessionTag(target.id), ...tags], call);
    ledger.refreshSnapshot(ref).catch((err: unknown) => logger?.warn({ package: ref.name, err }, 'snapshot was not refreshed'));
  }

  #checkOpen(state: Fold, { address, version, id }: StagedTarget): void {
    const fact = ID.test(id) ? state.facts.get(sessionTag(id)) : undefined;
    const session = fact === undefined ? null : sessionOf(fact);
    if (fact !== undefined && session?.version === version && !this.#isOld(fact)) {
      return;
    }
    const ended = fact === undefined && ID.test(id) && isDeletedIn(state, sessionTag(id)) ? 'was committed or abandoned' : 'never was, or was begun more than a day ago';
    throw new ProxyError('not-found', `The upload ${shown(id)} of ${providerText(address)} ${shown(version)} ${ended}. Begin another one.`);
  }

  async #sweep(address: ProviderAddress, call: WriteCall): Promise<void> {
    const { ledger, logger } = this.#options;
    const ref = stagedRef(address);
    try {
      const { facts } = await ledger.fold(ref, { fresh: true, signal: call.signal });
      await ledger.delete(ref, [...facts.values()].filter((fact) => this.#isOld(fact)).map(({ tag }) => tag), call);
    } catch (err) {
      call.signal?.throwIfAborted();
      logger?.warn({ package: ref.name, err }, 'old staged files were not deleted; the next upload tries again');
    }
  }

  #isOld({ at }: { readonly at: string }): boolean {
    return Date.parse(at) < this.#options.clock() - LIFETIME_MS;
  }

  #now(): string {
    return new Date(this.#options.clock()).toISOString();
  }
}
