import { createHash } from 'node:crypto';

import type { ManifestHead, OciSource, ReadManifest } from './oci-source.ts';
import { LAYOUT_TYPES } from './oci-violation.ts';
import { providerArchive } from './provider-release.ts';

/** A body that a test may break anywhere. */
export type Body = Record<string, unknown>;

/** A repository in memory that a test may break anywhere, and then reads. */
export class BrokenLayout {
  repository = 'terraform/providers/example.com/acme/demo';
  status: number | null = 200;
  readonly tags = new Map<string, Body>();
  /** Bodies by the name that descriptors below know them by. */
  readonly children = new Map<string, Body>();
  readonly blobs = new Map<string, Buffer>();
  /** Changes what a HEAD says. */
  changeHead: (head: ManifestHead) => ManifestHead = (head) => head;
  changeGet: (read: ReadManifest) => ReadManifest = (read) => read;

  source(): OciSource {
    const manifests = new Map([...this.tags.values(), ...this.children.values()].map((body) => [digestOf(encoded(body)), body]));
    const read = (reference: string): ReadManifest | null => {
      const body = this.tags.get(reference) ?? manifests.get(reference);
      if (body === undefined) {
        return null;
      }
      const bytes = encoded(body);
      return { mediaType: String(body['mediaType'] ?? LAYOUT_TYPES.index), size: bytes.length, digest: digestOf(bytes), bytes };
    };
    return {
      repository: this.repository,
      ping: async () => Promise.resolve(this.status),
      tags: async () => Promise.resolve(this.tags.size === 0 ? null : [...this.tags.keys()]),
      head: async (reference) => {
        const found = read(reference);
        return Promise.resolve(found === null ? null : this.changeHead(found));
      },
      manifest: async (reference) => {
        const found = read(reference);
        return Promise.resolve(found === null ? null : this.changeGet(found));
      },
      blob: async (digest) => {
        const bytes = this.blobs.get(digest);
        return Promise.resolve(bytes === undefined ? null : { size: bytes.length, digest: digestOf(bytes), tail: bytes });
      },
    };
  }
}

/** A right provider repository: one version, `platforms` of it, something of somebody else's beside them. */
export function providerLayout(platforms: readonly string[] = ['linux_amd64', 'darwin_arm64']): BrokenLayout {
  const layout = new BrokenLayout();
  const descriptors = platforms.map((platform) => {
    const { bytes } = providerArchive({ type: 'demo', version: '1.0.0', platform });
    layout.blobs.set(digestOf(bytes), bytes);
    const body = targetBody(bytes);
    layout.children.set(platform, body);
    return { ...descriptorOf(body), artifactType: LAYOUT_TYPES.target, platform: { os: platform.split('_')[0], architecture: platform.split('_')[1] } };
  });
  const foreign = { ...descriptorOf({ mediaType: LAYOUT_TYPES.manifest }), artifactType: 'application/vnd.example.v1' };
  layout.tags.set('1.0.0', { schemaVersion: 2, mediaType: LAYOUT_TYPES.index, artifactType: LAYOUT_TYPES.provider, manifests: [...descriptors, foreign] });
  layout.tags.set('latest', { mediaType: LAYOUT_TYPES.manifest });
  return layout;
}

/** A right module repository of one version whose archive is `bytes`. */
export function moduleLayout(bytes: Buffer): BrokenLayout {
  const layout = new BrokenLayout();
  layout.blobs.set(digestOf(bytes), bytes);
  layout.tags.set('1.0.0', { ...targetBody(bytes), artifactType: LAYOUT_TYPES.module });
  return layout;
}

/** The manifest of one platform. */
export function targetBody(archive: Buffer): Body {
  return {
    schemaVersion: 2,
    mediaType: LAYOUT_TYPES.manifest,
    artifactType: LAYOUT_TYPES.target,
    config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf(Buffer.from('{}')), size: 2 },
    layers: [
      { mediaType: 'text/plain', digest: digestOf(Buffer.from('other')), size: 5 },
      { mediaType: LAYOUT_TYPES.archive, digest: digestOf(archive), size: archive.length },
    ],
  };
}

/** The descriptor of a body. */
export function descriptorOf(body: Body): Body {
  return { mediaType: body['mediaType'], digest: digestOf(encoded(body)), size: encoded(body).length };
}

/** `sha256:<hex>` */
export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** The bytes of a body. */
export function encoded(body: Body): Buffer {
  return Buffer.from(JSON.stringify(body));
}
