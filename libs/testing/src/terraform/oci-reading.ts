import { createHash } from 'node:crypto';

import type { OciSource } from './oci-source.ts';
import type { Findings, RawDescriptor, RawManifest } from './oci-violation.ts';
import { zipNames } from './zip-names.ts';

const LIMIT = 4 * 1024 * 1024;
const SHA256 = /^sha256:[0-9a-f]{64}$/;

/** What a tag leads to, as OpenTofu reads it: HEAD of the tag, then GET of the digest. */
export interface ReadTag {
  readonly mediaType: string;
  readonly body: RawManifest;
}

/** Reads one repository and notes what is wrong on the way. */
export class LayoutReader {
  readonly #source: OciSource;
  readonly #findings: Findings;

  constructor(source: OciSource, findings: Findings) {
    this.#source = source;
    this.#findings = findings;
  }

  /** @returns null where nothing can be read. */
  async tag(tag: string): Promise<ReadTag | null> {
    const head = await this.#source.head(tag);
    if (head === null) {
      this.#findings.expect(false, 'missing', tag, 'the tag');
      return null;
    }
    this.#findings.expect(head.mediaType !== null, 'head-media-type', tag, 'none');
    this.#findings.expect(head.size !== null, 'head-size', tag, 'none');
    this.#findings.expect(head.digest !== null && SHA256.test(head.digest), 'head-digest', tag, String(head.digest));
    if (head.mediaType === null || head.digest === null) {
      return null;
    }
    const read = await this.#source.manifest(head.digest, head.mediaType);
    if (read === null) {
      this.#findings.expect(false, 'missing', tag, head.digest);
      return null;
    }
    this.#findings.expect(read.mediaType === head.mediaType, 'get-media-type', tag, `${read.mediaType}, not ${head.mediaType}`);
    this.#findings.expect(head.size === null || head.size === read.bytes.length, 'head-size', tag, `${head.size}, not ${read.bytes.length}`);
    this.#findings.expect(digestOf(read.bytes) === head.digest, 'head-digest', tag, `${head.digest}, not ${digestOf(read.bytes)}`);
    const body = this.#parsed(read.bytes, tag);
    return body === null ? null : { mediaType: head.mediaType, body };
  }

  /** The manifest that a descriptor names. */
  async child(descriptor: RawDescriptor, where: string): Promise<RawManifest | null> {
    const digest = this.#digest(descriptor, where);
    const read = digest === null ? null : await this.#source.manifest(digest, String(descriptor.mediaType));
    if (digest === null || read === null) {
      this.#findings.expect(digest === null, 'missing', where, String(digest));
      return null;
    }
    this.#findings.expect(read.mediaType === descriptor.mediaType, 'get-media-type', where, `${read.mediaType}, not ${String(descriptor.mediaType)}`);
    this.#findings.expect(digestOf(read.bytes) === digest && read.bytes.length === descriptor.size, 'descriptor-digest', where, `${String(descriptor.size)} bytes of ${digest}, not ${read.bytes.length} of ${digestOf(read.bytes)}`);
    return this.#parsed(read.bytes, where);
  }

  /** Reads an archive to its end. @returns its names; null where it is no zip. */
  async archive(layer: RawDescriptor, where: string): Promise<readonly string[] | null> {
    const digest = this.#digest(layer, where);
    const blob = digest === null ? null : await this.#source.blob(digest);
    if (digest === null || blob === null) {
      this.#findings.expect(digest === null, 'missing', where, String(digest));
      return null;
    }
    this.#findings.expect(blob.digest === digest && blob.size === layer.size, 'layer-bytes', where, `${String(layer.size)} bytes of ${digest}, not ${blob.size} of ${blob.digest}`);
    const names = zipNames(blob.tail, blob.size);
    this.#findings.expect(names !== null, 'archive-format', where, digest);
    return names;
  }

  #digest({ digest, size }: RawDescriptor, where: string): string | null {
    const right = typeof digest === 'string' && SHA256.test(digest) && typeof size === 'number' && size > 0;
    this.#findings.expect(right, 'descriptor-digest', where, `${String(digest)}, ${String(size)} bytes`);
    return right ? digest : null;
  }

  #parsed(bytes: Buffer, where: string): RawManifest | null {
    this.#findings.expect(bytes.length <= LIMIT, 'manifest-limit', where, `${bytes.length} bytes`);
    try {
      return JSON.parse(bytes.toString()) as RawManifest;
    } catch {
      this.#findings.expect(false, 'manifest-json', where, bytes.subarray(0, 80).toString());
      return null;
    }
  }
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
