import type { Readable } from 'node:stream';

import type { ModuleAddress, ProviderAddress } from '../model/address.ts';
import type { SigningKey } from '../model/provider.ts';

/** What every change takes. */
export interface WriteCall {
  /** Who does it. */
  readonly by: string;
  readonly signal?: AbortSignal | undefined;
}

/** A body that is read as a stream. */
export interface UploadBody {
  readonly contentType: string | undefined;
  readonly stream: Readable;
}

/** How a publish ended. */
export interface PublishAnswer {
  /** `same`: the very same content is stored already. */
  readonly outcome: 'created' | 'same';
  readonly version: string;
  /** File names (or `linux_amd64`) and what was noticed that is no error, for the answer's body. */
  readonly files: readonly string[];
  readonly warnings: readonly string[];
}

/** The fields of the form that the original project documented: `POST /terraform/upload`. */
export interface FormTarget {
  readonly namespace: string;
  readonly type: string;
  readonly version: string;
}

/** An upload in several requests. */
export interface StagedUpload {
  /** Part of its path. */
  readonly id: string;
  readonly version: string;
  /** Names, sizes in bytes and sha256 (hex) of the files that are there. */
  readonly files: readonly { readonly filename: string; readonly size: number; readonly sha256: string }[];
}

/** Publishes provider versions. Nothing is visible before all of it is verified and stored. */
export interface ProviderPublisher {
  /**
   * One multipart request; the file names decide what is what, in any order, whatever the fields are called.
   * @throws ProxyError `invalid`, `unprocessable` (sums, signature or archives that do not fit), `too-large`, `unsupported-media-type`,
   * `conflict` for a version that is there with other bytes or was deleted, `forbidden` where no key is registered that signed it.
   */
  publish(address: ProviderAddress, version: string, body: UploadBody, call: WriteCall): Promise<PublishAnswer>;
  /** The form of the original project. @param authorize called with its target before anything is stored. @throws as {@link publish}. */
  publishForm(body: UploadBody, call: WriteCall & { authorize(target: FormTarget): ProviderAddress | Promise<ProviderAddress> }): Promise<PublishAnswer & FormTarget>;
  /** Begins an upload in several requests, which any replica can go on with; it is thrown away after a day. */
  begin(address: ProviderAddress, version: string, call: WriteCall): Promise<StagedUpload>;
  /** @throws ProxyError `not-found` for one that never was, was committed or thrown away. */
  staged(address: ProviderAddress, version: string, id: string, call: WriteCall): Promise<StagedUpload>;
  /** Adds a file, or the same again. @throws ProxyError `conflict` where another one of that name is there. */
  stage(address: ProviderAddress, version: string, id: string, filename: string, body: UploadBody, call: WriteCall): Promise<StagedUpload>;
  /** Publishes what was staged. @throws as {@link publish}; the files stay staged then. */
  commit(address: ProviderAddress, version: string, id: string, call: WriteCall): Promise<PublishAnswer>;
  abandon(address: ProviderAddress, version: string, id: string, call: WriteCall): Promise<void>;
}

/** Publishes module versions. */
export interface ModulePublisher {
  /**
   * A zip or tar.gz, told apart by its first bytes.
   * @throws ProxyError `invalid`, `unprocessable` (no module in it, paths or links that lead out), `too-large`, `conflict`.
   */
  publish(address: ModuleAddress, version: string, body: UploadBody, call: WriteCall): Promise<PublishAnswer>;
}

/** A key as it is shown. */
export interface StoredKey extends SigningKey {
  /** Upper-case hex of the primary key. */
  readonly fingerprint: string;
  /** ISO 8601. */
  readonly addedAt: string;
  readonly addedBy: string;
  /** ISO 8601; null: never. */
  readonly expires: string | null;
}

/** The keys that may sign the providers of a namespace published here. */
export interface SigningKeys {
  list(namespace: string, call?: { readonly signal?: AbortSignal }): Promise<readonly StoredKey[]>;
  /** @throws ProxyError `invalid` for what is no armored public key that clients can read (a private key is refused without being stored). */
  add(namespace: string, armored: string, call: WriteCall & { readonly source?: string; readonly sourceUrl?: string }): Promise<{ readonly key: StoredKey; readonly outcome: 'created' | 'same' }>;
  /** Versions that it signed stay. @param keyId or fingerprint. @throws ProxyError `not-found`. */
  remove(namespace: string, keyId: string, call: WriteCall): Promise<StoredKey>;
}
