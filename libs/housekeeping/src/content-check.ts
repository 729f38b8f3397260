import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { ProxyError, toProxyError } from '@oci-package-proxy/errors';
import { type Descriptor, type Digest, digestOf, INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE, type ManifestBytes, referencesOf, type Repository } from '@oci-package-proxy/oci';

/** Something that is not as it must be. `unreadable`: the store failed, and so it may be right. `empty`: of a package that is listed there is no version. */
export interface Defect {
  readonly what: 'manifest' | 'child' | 'blob';
  readonly problem: 'missing' | 'wrong' | 'unreadable' | 'empty';
  readonly digest: Digest | null;
  /** For people. */
  readonly message: string;
}

/** Nothing can be said of the rest either. */
const ENDING: ReadonlySet<string> = new Set(['aborted', 'storage-denied', 'internal']);
const WRONG: ReadonlySet<string> = new Set(['integrity', 'too-large']);

/** What is counted while content is read. */
export interface ContentCounts {
  /** By digest, in one repository each. */
  manifests: number;
  blobs: number;
  /** Of blobs: read, or with `quick` only asked for. */
  bytes: number;
}

/** How content is checked. */
export interface ContentChecking {
  readonly repository: Repository;
  /** Blobs are asked for and not read. */
  readonly quick: boolean;
  readonly counts: ContentCounts;
  readonly signal?: AbortSignal | undefined;
}

/** Reads what manifests of one repository lead to, each piece once. */
export class ContentCheck {
  readonly #how: ContentChecking;
  readonly #blobs = new Map<string, Promise<readonly Defect[]>>();
  readonly #manifests = new Map<Digest, Promise<readonly Defect[]>>();

  constructor(how: ContentChecking) {
    this.#how = how;
  }

  /** What is wrong with a manifest that was read by its tag, and with all that it leads to. */
  async tagged(manifest: ManifestBytes): Promise<readonly Defect[]> {
    const actual = digestOf(manifest.bytes);
    if (actual !== manifest.digest) {
      return [{ what: 'manifest', problem: 'wrong', digest: manifest.digest, message: `the bytes have the digest ${actual}` }];
    }
    const defects = await this.#byDigest(manifest.digest, 'manifest');
    const missing = defects.some(({ problem, digest }) => problem === 'missing' && digest === manifest.digest);
    // By its tag it can be read all the same, and so what it names counts.
    return missing ? [...defects, ...(await this.#named(manifest))] : defects;
  }

  #byDigest(digest: Digest, what: 'manifest' | 'child'): Promise<readonly Defect[]> {
    return once(this.#manifests, digest, () => guarded({ what, digest }, async () => {
      const stored = await this.#how.repository.readManifest(digest, { signal: this.#how.signal });
      if (stored === null) {
        return [{ what, digest, problem: 'missing', message: 'it cannot be read by its digest' }];
      }
      this.#how.counts.manifests += 1;
      return digestOf(stored.bytes) === digest ? this.#named(stored) : [{ what, digest, problem: 'wrong', message: `the bytes have the digest ${digestOf(stored.bytes)}` }];
    }));
  }

  async #named(manifest: ManifestBytes): Promise<readonly Defect[]> {
    return guarded({ what: 'manifest', digest: manifest.digest }, async () => {
      const defects: Defect[] = [];
      for (const descriptor of referencesOf(manifest)) {
        defects.push(...(await (isChild(descriptor) ? this.#byDigest(descriptor.digest, 'child') : this.#blob(descriptor))));
      }
      return defects;
    });
  }

  #blob({ digest, size }: Descriptor): Promise<readonly Defect[]> {
    return once(this.#blobs, `${digest} ${size}`, () => guarded({ what: 'blob', digest }, async () => {
      const found = await (this.#how.quick ? this.#how.repository.statBlob(digest, { signal: this.#how.signal }) : this.#read(digest));
      if (found === null) {
        return [{ what: 'blob', digest, problem: 'missing', message: 'the store does not have it' }];
      }
      this.#how.counts.blobs += 1;
      this.#how.counts.bytes += found;
      return found === size ? [] : [{ what: 'blob', digest, problem: 'wrong', message: `it has ${found} bytes and not ${size}` }];
    }));
  }

  /** The whole blob; the store's own stream checks the digest. */
  async #read(digest: Digest): Promise<number | null> {
    const body = await this.#how.repository.readBlob(digest, { signal: this.#how.signal });
    if (body === null) {
      return null;
    }
    let size = 0;
    const counter = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        size += chunk.length;
        done();
      },
    });
    await pipeline(body.stream, counter, { signal: this.#how.signal });
    return size;
  }
}

/**
 * What `check` finds; what is wrong in storage, or cannot be read now, as a defect.
 * @throws ProxyError `aborted` and `storage-denied`, as nothing can be said of the rest either, and `internal`.
 */
export async function guarded(subject: Pick<Defect, 'what' | 'digest'>, check: () => Promise<readonly Defect[]>): Promise<readonly Defect[]> {
  try {
    return await check();
  } catch (error) {
    const failure = error instanceof Error && error.name === 'AbortError' ? new ProxyError('aborted', 'verifying: given up by the caller', { cause: error }) : toProxyError(error, 'verifying');
    if (ENDING.has(failure.code)) {
      throw failure;
    }
    return [{ ...subject, problem: WRONG.has(failure.code) ? 'wrong' : 'unreadable', message: failure.message }];
  }
}

function isChild({ mediaType }: Descriptor): boolean {
  return mediaType === MANIFEST_MEDIA_TYPE || mediaType === INDEX_MEDIA_TYPE;
}

function once<K>(known: Map<K, Promise<readonly Defect[]>>, key: K, check: () => Promise<readonly Defect[]>): Promise<readonly Defect[]> {
  const begun = known.get(key);
  if (begun !== undefined) {
    return begun;
  }
  const checking = check();
  known.set(key, checking);
  return checking;
}
