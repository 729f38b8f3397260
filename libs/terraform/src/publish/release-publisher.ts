import { isProxyError, ProxyError } from '@oci-package-proxy/errors';
import { versionTag } from '@oci-package-proxy/mapping';
import { isDeletedIn, type LedgerPort } from '@oci-package-proxy/storage';

import { type ProviderAddress, providerRef, providerText } from '../model/address.ts';
import type { SumsSigner } from '../signing/sums-signer.ts';
import { providerFact } from './provider-fact.ts';
import type { PublishAnswer, SigningKeys, WriteCall } from './publish-port.ts';
import { checkRelease } from './release-check.ts';
import type { ReleaseFile } from './release-files.ts';

/** What {@link ReleasePublisher} needs. */
export interface ReleasePublisherOptions {
  readonly ledger: Pick<LedgerPort, 'fold' | 'publish' | 'refreshSnapshot'>;
  readonly keys: Pick<SigningKeys, 'list'>;
  /** Who signs what comes unsigned to a namespace; null: nobody. */
  signerOf(namespace: string): SumsSigner | null;
  /** Whether readers of the original project find what is published. */
  readonly originalAnnotations: boolean;
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
  /** Nothing is logged without one. */
  readonly logger?: { warn(fields: Readonly<Record<string, unknown>>, message: string): void };
}

/** Checks releases that are on local disk, and stores them: what every way of publishing comes to. */
export class ReleasePublisher {
  readonly #options: ReleasePublisherOptions;

  constructor(options: ReleasePublisherOptions) {
    this.#options = options;
  }

  /** Publishes a version. @throws ProxyError as `ProviderPublisher.publish`. */
  async publish(address: ProviderAddress, version: string, files: readonly ReleaseFile[], { by, signal }: WriteCall): Promise<PublishAnswer> {
    const { ledger, keys, signerOf, originalAnnotations, clock = Date.now, logger } = this.#options;
    const signers = { keys: await keys.list(address.namespace, { signal }), signer: signerOf(address.namespace) };
    const release = await checkRelease({ address, version, files, signers, signal });
    const fact = providerFact(release, { originalAnnotations, at: new Date(clock()) });
    const ref = providerRef(address);
    try {
      const outcome = await ledger.publish(ref, fact, { by, signal });
      // No worker looks after what is published, and each start would read every version of it one by one.
      ledger.refreshSnapshot(ref).catch((err: unknown) => logger?.warn({ package: ref.name, err }, 'snapshot was not refreshed'));
      return { outcome, version, files: release.filenames, warnings: release.warnings };
    } catch (error) {
      throw await this.#explained(error, address, version);
    }
  }

  async #explained(error: unknown, address: ProviderAddress, version: string): Promise<unknown> {
    if (!isProxyError(error, 'conflict')) {
      return error;
    }
    const state = await this.#options.ledger.fold(providerRef(address), { fresh: true }).catch(() => null);
    const tag = versionTag(version);
    const subject = `${providerText(address)} ${version}`;
    if (state !== null && isDeletedIn(state, tag)) {
      return new ProxyError('conflict', `${subject} was deleted, and a deleted version is never used again. Raise the version and publish again.`, { cause: error });
    }
    if (state?.facts.has(tag) === true) {
      return new ProxyError('conflict', `${subject} exists already with other archives, other SHA256SUMS or another manifest, and a published version never changes. Raise the version and publish again.`, { cause: error });
    }
    return error;
  }
}
