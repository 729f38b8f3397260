import type { BlobSource, Descriptor, Digest } from '@oci-package-proxy/oci';

import type { JsonValue, Origin } from './package-ref.ts';
import type { Stamp } from './tags.ts';

/** Largest document of a fact, in bytes. */
export const MAX_DOCUMENT_BYTES: number = 16 * 1024 * 1024;

/** A file of a new fact. */
export interface NewLayer {
  readonly mediaType: string;
  readonly source: BlobSource;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A version (or a file of one) that is to be stored. */
export interface NewFact {
  /** From `libs/mapping`: `versionTag` or `fileTag`. */
  readonly tag: string;
  /** The version or file name as the ecosystem writes it. */
  readonly version: string;
  /** Begins with `MEDIA_TYPE_PREFIX`. */
  readonly artifactType: string;
  /** JSON text. */
  readonly document: string;
  readonly documentMediaType: string;
  /** The file first, then what comes with it. */
  readonly layers: readonly NewLayer[];
  /** What "the same bytes" compares, at most 1 KiB of text. */
  readonly payload: string;
  /** When it was published, ISO 8601; for a pulled-through file upstream's time. */
  readonly at: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Keys set by this very put, as events set them; only for published facts. */
  readonly assign?: Readonly<Record<string, JsonValue>>;
}

/** A stored version (or a file of one). */
export interface Fact {
  readonly tag: string;
  readonly version: string;
  /** Of the manifest. */
  readonly digest: Digest;
  readonly artifactType: string;
  readonly payload: string;
  /** ISO 8601; empty where storage holds no time. */
  readonly at: string;
  readonly origin: Origin;
  /** JSON text. */
  readonly document: string;
  /** Without the document: the file first. */
  readonly layers: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly assign: Readonly<Record<string, JsonValue>>;
  /** Null where nothing is assigned. */
  readonly stamp: Stamp | null;
}

/** A fact whose document is a blob that has to be read first. */
export interface PendingFact {
  readonly fact: Omit<Fact, 'document'>;
  readonly document: string | Descriptor;
}
