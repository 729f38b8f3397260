import { isProxyError, ProxyError, toProxyError } from '@oci-package-proxy/errors';
import { versionTag } from '@oci-package-proxy/mapping';
import { beforeWriting, type Fold, type PackageRef } from '@oci-package-proxy/storage';
import validateName from 'validate-npm-package-name';

import { AttachmentFile } from './attachment-file.ts';
import { readProvenance } from './provenance.ts';
import type { PublishBody } from './publish-body.ts';
import { type PublishRequest, publishRequest } from './publish-request.ts';
import { publishedFact } from './published-fact.ts';
import { distTagKey, distTagsOf } from './published-values.ts';
import { checkTarball } from './tarball-check.ts';
import { quoted } from './version-name.ts';
import { done, type WriteAnswer } from './write-answer.ts';
import type { WriteCall, WriteLedger } from './write-ledger.ts';

/** What {@link VersionPublishes} needs. */
export interface VersionPublishesOptions {
  readonly ledger: WriteLedger;
  /** For the README; the tarball is in a file already. */
  readonly directory: string;
  /** The most that a tarball may have, as sent and unpacked, in bytes. */
  readonly limits: { readonly publishBytes: number; readonly unpackedBytes: number };
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /**
   * Upstream's document of a package that is published here for the first time; null where it has none, or where the
   * name is ours whatever upstream has. Left out: nobody is asked.
   */
  readonly readUpstreamDocument?: (ref: PackageRef) => Promise<unknown>;
}

/** Publishes versions: `npm publish`. */
export class VersionPublishes {
  readonly #options: VersionPublishesOptions;

  constructor(options: VersionPublishesOptions) {
    this.#options = options;
  }

  /**
   * Checks everything about a publish and stores it. The same tarball again is success: clients repeat what they got no answer to.
   * @throws ProxyError `invalid`, `unprocessable`, `too-large`; `conflict` for a version that is there with other bytes or was
   * unpublished, and for a name of upstream.
   */
  async publish(ref: PackageRef, body: PublishBody, call: WriteCall): Promise<WriteAnswer> {
    const { ledger, limits, clock } = this.#options;
    const request = publishRequest(ref.name, body);
    if (request.tarball.size > limits.publishBytes) {
      throw new ProxyError('too-large', `The tarball is larger than the ${limits.publishBytes} bytes that are allowed here.`);
    }
    const state = await beforeWriting(() => ledger.fold(ref, { fresh: true, signal: call.signal }));
    await this.#checkNewName(ref, state);
    const provenance = await readProvenance(ref.name, request);
    const content = await checkTarball(ref.name, request, { unpackedBytes: limits.unpackedBytes, signal: call.signal });
    const tags = distTagsOf(state).has('latest') ? request.tags : [...new Set([...request.tags, 'latest'])];
    const readme = await this.#readmeFile(request);
    try {
      const fact = publishedFact({ name: ref.name, request, content, provenance, readme: (await readme?.finish()) ?? null, tags, at: new Date(clock()).toISOString(), by: call.by });
      const outcome = await ledger.publish(ref, fact, call);
      if (outcome === 'same') {
        await this.#addTags(ref, fact.tag, request, call);
      }
    } catch (error) {
      throw await this.#explained(error, ref, { request, call });
    } finally {
      await readme?.dispose();
    }
    // No worker looks after what is published, and each start would read every version of it one by one. It saves time only, so that a
    // failure is left to the next publish.
    void ledger.refreshSnapshot(ref).catch(() => undefined);
    // It is stored, whatever becomes of reading it again.
    const rev = await ledger.fold(ref, { fresh: true, signal: call.signal }).then(({ revision }) => revision, () => null);
    return done('published', { name: ref.name, status: 201, rev });
  }

  async #checkNewName(ref: PackageRef, state: Fold): Promise<void> {
    if (state.facts.size > 0 || state.deletedTags.size > 0) {
      // What exists may have a name of the time when more was allowed.
      return;
    }
    const { validForNewPackages, errors, warnings } = validateName(ref.name);
    if (!validForNewPackages) {
      throw new ProxyError('invalid', `${quoted(ref.name)} cannot be the name of a new package: ${[...(errors ?? []), ...(warnings ?? [])].join(', ')}.`);
    }
    if (state.origin === null && (await this.#isUpstream(ref))) {
      throw new ProxyError('conflict', `${ref.name} exists upstream, and so nothing can be published under this name here. Choose another name, or have it declared private.`);
    }
  }

  async #isUpstream(ref: PackageRef): Promise<boolean> {
    try {
      return ((await this.#options.readUpstreamDocument?.(ref)) ?? null) !== null;
    } catch (error) {
      const failure = toProxyError(error, `publishing ${ref.name}`);
      throw new ProxyError(failure.code, `Whether upstream has a package called ${ref.name} cannot be asked now, and so the new name cannot be published: ${failure.message}. Try again, or have the name declared private.`, {
        cause: error,
        retryAfterMs: failure.retryAfterMs,
      });
    }
  }

  async #readmeFile({ readme }: PublishRequest): Promise<AttachmentFile | null> {
    if (readme === '') {
      return null;
    }
    const file = await AttachmentFile.create(this.#options.directory);
    try {
      await file.write(Buffer.from(readme, 'utf8'));
      return file;
    } catch (error) {
      await file.dispose();
      throw error;
    }
  }

  /** A repeated publish set its dist-tags the first time, and they may have moved on since; but it may ask for another one now. */
  async #addTags(ref: PackageRef, factTag: string, { version, tags }: PublishRequest, call: WriteCall): Promise<void> {
    const fact = await this.#options.ledger.fact(ref, factTag, { signal: call.signal });
    const added = tags.map(distTagKey).filter((key) => fact?.assign[key] !== version);
    if (added.length > 0) {
      await this.#options.ledger.record(ref, added.map((key) => ({ key, value: version })), call);
    }
  }

  /** npm shows this sentence, and people search the web for it. */
  async #explained(error: unknown, ref: PackageRef, { request, call }: { readonly request: PublishRequest; readonly call: WriteCall }): Promise<unknown> {
    if (!isProxyError(error, 'conflict')) {
      return error;
    }
    const fact = await this.#options.ledger.fact(ref, versionTag(request.version), { signal: call.signal }).catch(() => null);
    const text = `You cannot publish over the previously published versions: ${request.version}. Raise the version and publish again.`;
    return fact === null ? error : new ProxyError('conflict', text, { cause: error });
  }
}
