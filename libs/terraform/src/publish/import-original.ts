import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { type ErrorCode, isProxyError, ProxyError } from '@oci-package-proxy/errors';
import { versionOfTag, versionTag } from '@oci-package-proxy/mapping';
import type { Registry, Repository } from '@oci-package-proxy/oci';
import type { LedgerPort } from '@oci-package-proxy/storage';

import { type ProviderAddress, providerRef } from '../model/address.ts';
import { compareVersions, isPublishable } from '../versions/version.ts';
import { type OriginalArtifact, readOriginal } from './original-artifact.ts';
import { payloadOf } from './provider-fact.ts';
import type { PublishAnswer, WriteCall } from './publish-port.ts';
import type { ReleaseFile } from './release-files.ts';
import { sentName } from './release-name.ts';
import { ReleasePublisher, type ReleasePublisherOptions } from './release-publisher.ts';
import { fileOf, storedFile, type UploadFile } from './upload-file.ts';
import { limitOf } from './upload-parts.ts';

/** What is wrong with one version, and says nothing of the others. */
const OF_ONE_VERSION: readonly ErrorCode[] = ['invalid', 'unprocessable', 'forbidden', 'conflict', 'too-large', 'integrity'];
/** Of signatures and other tools, and ours. */
const NO_VERSIONS = /^(?:_|sha256-)/;

/** What {@link OriginalImport} needs. */
export interface OriginalImportOptions extends ReleasePublisherOptions {
  readonly ledger: Pick<LedgerPort, 'fact' | 'fold' | 'publish' | 'refreshSnapshot'>;
  /** Where the original project has stored; the same registry that we store in. */
  readonly registry: Registry;
  /** A directory is made in it for the files of a version at a time, and removed. */
  readonly directory: string;
  /** The most that one file may have, in bytes. */
  readonly limits: { readonly publishBytes: number };
}

/** What is imported. */
export interface ImportRequest extends WriteCall {
  /** Below the prefix of our storage: `acme/demo`. */
  readonly repository: string;
  /** What the versions become versions of. */
  readonly address: ProviderAddress;
  /** Null: all. */
  readonly version: string | null;
  /** Told of each version once it is through. */
  onVersion?(imported: ImportedVersion): void;
}

/** What became of one tag. */
export interface ImportedVersion {
  readonly tag: string;
  readonly outcome: PublishAnswer['outcome'] | 'skipped';
  /** Why it was skipped; empty otherwise. */
  readonly reason: string;
  readonly warnings: readonly string[];
}

/**
 * Takes over what the original project has stored: every version through the same checks as an upload, into our layout. What is there
 * already stays, so that it can be repeated; the original's own artifacts are left as they are.
 */
export class OriginalImport {
  readonly #options: OriginalImportOptions;
  readonly #releases: ReleasePublisher;

  constructor(options: OriginalImportOptions) {
    this.#options = options;
    this.#releases = new ReleasePublisher(options);
  }

  /**
   * Imports the versions of one repository, the oldest first.
   * @throws ProxyError `invalid` for what is no repository; `not-found` when it has no such version; `forbidden` where no key is
   * registered that could have signed it; `storage-unavailable` and its likes. What is wrong with one version is its reason.
   */
  async run(request: ImportRequest): Promise<readonly ImportedVersion[]> {
    const repository = this.#options.registry.repository(request.repository);
    await this.#checkKeys(request);
    const tags = (await tagsOf(repository, request.signal)).filter((tag) => request.version === null || versionOf(tag) === request.version);
    if (tags.length === 0) {
      throw new ProxyError('not-found', `The repository ${request.repository} has no ${request.version === null ? 'tags' : `version ${request.version}`}. Its name is given below the prefix of STORAGE_URL.`);
    }
    const imported: ImportedVersion[] = [];
    for (const tag of tags) {
      const one = await this.#versionAt(repository, tag, request);
      imported.push(one);
      request.onVersion?.(one);
    }
    return imported;
  }

  // Before archives are fetched that none could accept.
  async #checkKeys({ address: { namespace }, signal }: ImportRequest): Promise<void> {
    const { keys, signerOf } = this.#options;
    if (signerOf(namespace) === null && (await keys.list(namespace, { signal })).length === 0) {
      throw new ProxyError('forbidden', `No key is registered for the namespace ${namespace}, so no signature could be checked. Register the key that signed these versions first.`);
    }
  }

  async #versionAt(repository: Repository, tag: string, request: ImportRequest): Promise<ImportedVersion> {
    const version = versionOf(tag);
    if (version === null) {
      return skipped(tag, 'it is no version tag, as v1.2.3');
    }
    try {
      const artifact = await readOriginal(repository, tag, request.signal);
      if (artifact === null || artifact.archives.length === 0) {
        return skipped(tag, 'it is no provider of the original project');
      }
      return (await this.#isThere(artifact, version, request)) ? { tag, outcome: 'same', reason: '', warnings: [] } : { tag, reason: '', ...(await this.#publish(repository, artifact, { ...request, version })) };
    } catch (error) {
      if (isProxyError(error) && OF_ONE_VERSION.includes(error.code)) {
        return skipped(tag, error.message);
      }
      throw error;
    }
  }

  // Saves fetching what a run before this one has taken over.
  async #isThere({ archives, sums }: OriginalArtifact, version: string, { address, signal }: ImportRequest): Promise<boolean> {
    const fact = sums === null ? null : await this.#options.ledger.fact(providerRef(address), versionTag(version), { signal });
    const digests = archives.map(({ layer }) => ({ sha256: layer.digest.slice('sha256:'.length) }));
    return sums !== null && fact?.payload === payloadOf({ archives: digests, sums, manifest: null });
  }

  async #publish(repository: Repository, artifact: OriginalArtifact, request: ImportRequest & { readonly version: string }): Promise<Pick<ImportedVersion, 'outcome' | 'warnings'>> {
    await mkdir(this.#options.directory, { recursive: true });
    const directory = await mkdtemp(join(this.#options.directory, 'import-'));
    try {
      const files: ReleaseFile[] = [];
      for (const [filename, bytes] of [['SHA256SUMS', artifact.sums], ['SHA256SUMS.sig', artifact.signature]] as const) {
        if (bytes !== null) {
          files.push(releaseFile(filename, await fileOf([bytes], this.#howOf(filename, directory))));
        }
      }
      for (const { filename, layer } of artifact.archives) {
        const how = this.#howOf(filename, directory);
        const body = await repository.readBlob(layer.digest, { signal: request.signal });
        if (body === null) {
          throw new ProxyError('unprocessable', `the archive ${filename} is lost`);
        }
        files.push(releaseFile(filename, await storedFile(body.stream, how)));
      }
      const { outcome, warnings } = await this.#releases.publish(request.address, request.version, files, request);
      return { outcome, warnings };
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  #howOf(filename: string, directory: string): Parameters<typeof fileOf>[1] {
    return { directory, name: filename, limit: limitOf(sentName(filename, { bare: true }), this.#options.limits) };
  }
}

async function tagsOf(repository: Repository, signal: AbortSignal | undefined): Promise<readonly string[]> {
  const tags = new Set<string>();
  for await (const page of repository.listTags({ signal })) {
    for (const tag of page) {
      tags.add(tag);
    }
  }
  const shown = [...tags].filter((tag) => !NO_VERSIONS.test(tag));
  return shown.sort((one, other) => compareVersions(versionOf(one) ?? one, versionOf(other) ?? other));
}

function releaseFile(filename: string, { path, size, sha256 }: UploadFile): ReleaseFile {
  return { name: sentName(filename, { bare: true }), path, size, sha256 };
}

function versionOf(tag: string): string | null {
  const version = tag.startsWith('v') ? versionOfTag(tag.slice(1)) : null;
  return version !== null && isPublishable(version) ? version : null;
}

function skipped(tag: string, reason: string): ImportedVersion {
  return { tag, outcome: 'skipped', reason, warnings: [] };
}
