import { ProxyError } from '@oci-package-proxy/errors';
import { sentChunks } from '@oci-package-proxy/platform/files';
import type { LedgerPort } from '@oci-package-proxy/storage';

import type { ProviderAddress } from '../model/address.ts';
import { FormFields } from './form-target.ts';
import type { FormTarget, ProviderPublisher, PublishAnswer, StagedUpload, UploadBody, WriteCall } from './publish-port.ts';
import { checkVersion } from './release-check.ts';
import type { ReleaseFile } from './release-files.ts';
import { checkName, type ReleaseTarget, sentName } from './release-name.ts';
import { ReleasePublisher, type ReleasePublisherOptions } from './release-publisher.ts';
import { type StagedFile, stagedRef } from './staged-fact.ts';
import { StagedUploads, type StagedTarget } from './staged-uploads.ts';
import { readUploadBody, type SentRelease } from './upload-body.ts';
import { fileOf, storedFile } from './upload-file.ts';
import { limitOf, type SentFile } from './upload-parts.ts';

/** What {@link ProviderUploads} needs. */
export interface ProviderUploadsOptions extends ReleasePublisherOptions {
  readonly ledger: Pick<LedgerPort, 'fold' | 'open' | 'publish' | 'delete' | 'refreshSnapshot'>;
  /** Where the temporary files go; it must exist. */
  readonly directory: string;
  /** The most that one file may have, in bytes. */
  readonly limits: { readonly publishBytes: number };
}

/**
 * Publishes provider versions: by one form, by a form of the original project, or by several requests. Every way ends in the same
 * checks of whole files on local disk, which are removed whatever happens.
 */
export class ProviderUploads implements ProviderPublisher {
  readonly #options: ProviderUploadsOptions;
  readonly #releases: ReleasePublisher;
  readonly #staged: StagedUploads;

  constructor(options: ProviderUploadsOptions) {
    this.#options = options;
    this.#releases = new ReleasePublisher(options);
    this.#staged = new StagedUploads({ ledger: options.ledger, clock: options.clock ?? Date.now, logger: options.logger });
  }

  /** `ProviderPublisher.publish` */
  async publish(address: ProviderAddress, version: string, body: UploadBody, call: WriteCall): Promise<PublishAnswer> {
    const target = targetOf(address, version);
    const { directory, limits } = this.#options;
    // Before a file is read that would be refused for its name.
    const onFile = (name: SentFile['name']): void => checkName(name, target);
    const sent = await readUploadBody(body, { directory, limits, signal: call.signal, original: false, onFile });
    return disposing(sent, () => this.#releases.publish(address, version, sent.files.map(releaseFile), call));
  }

  /** `ProviderPublisher.publishForm` */
  async publishForm(body: UploadBody, { authorize, ...call }: WriteCall & { authorize(target: FormTarget): ProviderAddress | Promise<ProviderAddress> }): Promise<PublishAnswer & FormTarget> {
    const { directory, limits } = this.#options;
    const fields = new FormFields();
    let address: ProviderAddress | null = null;
    const onField = async (name: string, value: string): Promise<void> => {
      const target = fields.add(name, value);
      address = target === null ? address : await authorize(target);
    };
    const sent = await readUploadBody(body, { directory, limits, signal: call.signal, original: true, onField });
    return disposing(sent, async () => {
      const target = fields.target();
      const answer = await this.#releases.publish(address ?? (await authorize(target)), target.version, sent.files.map(releaseFile), call);
      return { ...answer, ...target };
    });
  }

  /** `ProviderPublisher.begin` */
  async begin(address: ProviderAddress, version: string, call: WriteCall): Promise<StagedUpload> {
    checkVersion(version);
    return this.#staged.begin(address, version, call);
  }

  /** `ProviderPublisher.staged` */
  async staged(address: ProviderAddress, version: string, id: string, call: WriteCall): Promise<StagedUpload> {
    return this.#staged.find({ address, version, id }, call);
  }

  /** `ProviderPublisher.stage` */
  async stage(...[address, version, id, filename, body, call]: Parameters<ProviderPublisher['stage']>): Promise<StagedUpload> {
    const { directory, limits } = this.#options;
    const target = { address, version, id };
    const name = sentName(filename, { bare: false });
    checkName(name, targetOf(address, version));
    if (/^\s*multipart\//i.test(body.contentType ?? '')) {
      throw new ProxyError('unsupported-media-type', 'A staged file is sent as it is, as curl -T <name> does, and not as a form.');
    }
    // The sender may leave before the body is read, and whoever reads it then is told.
    body.stream.on('error', () => undefined);
    // Before what may be a large file is read for nothing.
    await this.#staged.find(target, call);
    const file = await fileOf(sentChunks(body.stream, call.signal), { directory, name: filename, limit: limitOf(name, limits) });
    try {
      if (file.size === 0) {
        throw new ProxyError('invalid', `${filename} is empty. Build the release again.`);
      }
      return await this.#staged.add(target, releaseFile({ name, file }), call);
    } finally {
      await file.dispose();
    }
  }

  /** `ProviderPublisher.commit` */
  async commit(address: ProviderAddress, version: string, id: string, call: WriteCall): Promise<PublishAnswer> {
    const target = { address, version, id };
    const fetched: SentFile[] = [];
    try {
      for (const staged of await this.#staged.files(target, call)) {
        fetched.push(await this.#fetch(target, staged, call.signal));
      }
      const answer = await this.#releases.publish(address, version, fetched.map(releaseFile), call);
      await this.#ended(target, call);
      return answer;
    } finally {
      await Promise.all(fetched.map(({ file }) => file.dispose()));
    }
  }

  /** `ProviderPublisher.abandon` @throws ProxyError `not-found`. */
  async abandon(address: ProviderAddress, version: string, id: string, call: WriteCall): Promise<void> {
    await this.#staged.end({ address, version, id }, call);
  }

  async #fetch({ address }: StagedTarget, { filename, layer }: StagedFile, signal: AbortSignal | undefined): Promise<SentFile> {
    const { ledger, directory } = this.#options;
    const body = await ledger.open(stagedRef(address), layer, { signal });
    if (body === null) {
      throw new ProxyError('storage-unavailable', `Storage has lost the staged file ${filename}. Abandon this upload and begin another one.`);
    }
    return { name: sentName(filename, { bare: false }), file: await storedFile(body.stream, { directory, name: filename, limit: layer.size }) };
  }

  /** The version is published: what stays staged ends by itself. */
  async #ended(target: StagedTarget, call: WriteCall): Promise<void> {
    try {
      await this.#staged.end(target, call);
    } catch (err) {
      this.#options.logger?.warn({ package: stagedRef(target.address).name, err }, 'the staged files of a published version were not deleted yet');
    }
  }
}

async function disposing<T>(sent: SentRelease, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await sent.dispose();
  }
}

function targetOf({ type }: ProviderAddress, version: string): ReleaseTarget {
  checkVersion(version);
  return { type, version };
}

function releaseFile({ name, file }: SentFile): ReleaseFile {
  return { name, path: file.path, size: file.size, sha256: file.sha256 };
}
