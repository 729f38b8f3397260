import { ProxyError } from '@oci-package-proxy/errors';

import { type Digest, digestOf } from '../../model/digest.ts';
import type { Descriptor } from '../../model/descriptor.ts';
import { EMPTY_BYTES, EMPTY_DESCRIPTOR, INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE } from '../../model/manifest.ts';
import { headerText } from '../http/exchange.ts';
import { resolveLocation } from '../http/location.ts';
import { CANCEL, PULL, PUSH, type RepositoryEndpoint } from '../repository-endpoint.ts';
import { isDone, type ProbeSession, type Reply } from './probe-session.ts';

const TYPE = 'application/vnd.oci-package-proxy.probe.v1';
const ACCEPT = `${MANIFEST_MEDIA_TYPE}, ${INDEX_MEDIA_TYPE}`;

/** An upload that began: where it goes on; null: the registry does not want one. */
export interface BegunUpload {
  readonly reply: Reply;
  readonly location: URL | null;
}

/** A repository for trying things out. Remembers what it made, so that it can be removed. */
export class ScratchRepository {
  /** Below the prefix. */
  readonly name: string;
  readonly endpoint: RepositoryEndpoint;
  /** Digests by tag. */
  readonly tags = new Map<string, Digest>();
  /** Of what was put by digest alone. */
  readonly untagged = new Set<Digest>();
  readonly #session: ProbeSession;

  constructor(name: string, session: ProbeSession) {
    this.name = name;
    this.endpoint = session.registry.endpoint(name);
    this.#session = session;
  }

  /** POST that begins an upload, or mounts a blob of another repository. */
  async begin(mount?: { readonly digest: Digest; readonly from: string }): Promise<BegunUpload> {
    const query = mount === undefined ? '' : `?mount=${encodeURIComponent(mount.digest)}&from=${encodeURIComponent(mount.from)}`;
    const also = mount === undefined ? {} : { readsToo: mount.from };
    const reply = await this.#session.send(this.endpoint, { method: 'POST', path: `blobs/uploads/${query}`, operation: 'beginning an upload', actions: PUSH, ...also });
    return { reply, location: reply.status === 202 ? this.locationOf(reply) : null };
  }

  /** Where an answer says that an upload goes on. */
  locationOf(reply: Reply): URL | null {
    const stated = headerText(reply.headers, 'location');
    return stated === null ? null : resolveLocation(stated, reply.url, this.endpoint.client.registry);
  }

  /** PUT that ends an upload. */
  async finish(location: URL, bytes: Buffer, digest: Digest = digestOf(bytes)): Promise<Reply> {
    const path = new URL(location);
    path.search = `${path.search === '' ? '?' : `${path.search}&`}digest=${encodeURIComponent(digest)}`;
    const headers = { 'content-type': 'application/octet-stream', 'content-length': String(bytes.length) };
    return this.#session.send(this.endpoint, { method: 'PUT', path, headers, body: bytes, operation: 'uploading a blob', actions: PUSH });
  }

  /** Gives an upload up; nobody minds when that fails. */
  async cancel(location: URL | null): Promise<void> {
    if (location !== null) {
      await this.#session.send(this.endpoint, { method: 'DELETE', path: location, operation: 'giving up an upload', actions: CANCEL }).catch(() => undefined);
    }
  }

  /** Uploads in one piece. @throws ProxyError `storage-unavailable` where that is refused. */
  async blob(bytes: Buffer): Promise<Descriptor> {
    const { reply, location } = await this.begin();
    const done = location === null ? reply : await this.finish(location, bytes);
    if (!isDone(done)) {
      throw new ProxyError('storage-unavailable', this.endpoint.subject(`uploading a blob: answered ${done.said}`));
    }
    return { mediaType: 'application/octet-stream', digest: digestOf(bytes), size: bytes.length };
  }

  /** The bytes of a blob that is there. */
  async blobBytes(digest: string): Promise<Buffer> {
    return (await this.#session.send(this.endpoint, { method: 'GET', path: `blobs/${digest}`, operation: 'reading a blob', actions: PULL })).bytes;
  }

  /** PUT of a manifest under a tag, or by its digest. */
  async put(reference: string | null, { bytes, mediaType = MANIFEST_MEDIA_TYPE }: { readonly bytes: Buffer; readonly mediaType?: string }): Promise<Reply> {
    const digest = digestOf(bytes);
    const path = `manifests/${reference ?? digest}`;
    const reply = await this.#session.send(this.endpoint, { method: 'PUT', path, headers: { 'content-type': mediaType }, body: bytes, operation: `writing manifest ${reference ?? digest}`, actions: PUSH });
    if (isDone(reply)) {
      if (reference === null) {
        this.untagged.add(digest);
      } else {
        const before = this.tags.get(reference);
        this.tags.set(reference, digest);
        if (before !== undefined && before !== digest) {
          this.untagged.add(before);
        }
      }
    }
    return reply;
  }

  /** GET or HEAD of a manifest. */
  async manifest(reference: string, method: 'GET' | 'HEAD' = 'GET'): Promise<Reply> {
    return this.#session.send(this.endpoint, { method, path: `manifests/${reference}`, headers: { accept: ACCEPT }, operation: `reading manifest ${reference}`, actions: PULL });
  }

  /** DELETE of a manifest by tag or digest. */
  async remove(reference: string): Promise<Reply> {
    return this.#session.send(this.endpoint, { method: 'DELETE', path: `manifests/${reference}`, operation: `deleting manifest ${reference}`, actions: ['delete', 'pull'] });
  }

  /** One request for tags. */
  async page(path: string | URL): Promise<Reply> {
    return this.#session.send(this.endpoint, { method: 'GET', path, headers: { accept: 'application/json' }, operation: 'listing tags', actions: PULL });
  }

  /** The whole list, as the driver reads it. */
  async list(): Promise<readonly string[]> {
    const tags: string[] = [];
    for await (const page of this.#session.registry.repository(this.name).listTags({ signal: this.#session.signal })) {
      tags.push(...page);
    }
    return tags;
  }
}

/** A small manifest of its own: `name` is part of it. */
export function smallManifest(name: string, layer: Descriptor = EMPTY_DESCRIPTOR, more: object = {}): Buffer {
  const { data: _data, ...config } = EMPTY_DESCRIPTOR;
  return jsonBytes({ schemaVersion: 2, mediaType: MANIFEST_MEDIA_TYPE, artifactType: TYPE, config, layers: [layer], annotations: { 'io.oci-package-proxy.tag': name }, ...more });
}

/** An index of its own. */
export function smallIndex(name: string, manifests: readonly Descriptor[]): Buffer {
  return jsonBytes({ schemaVersion: 2, mediaType: INDEX_MEDIA_TYPE, artifactType: TYPE, manifests, annotations: { 'io.oci-package-proxy.tag': name } });
}

/** Bytes of every repository's first blob. */
export const EMPTY_BLOB: Buffer = EMPTY_BYTES;

function jsonBytes(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}
