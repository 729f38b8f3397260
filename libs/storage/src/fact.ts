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

/** A platform that a child is for, in Go's words: https://github.com/opencontainers/image-spec/blob/main/image-index.md */
export interface ChildPlatform {
  readonly os: string;
  readonly architecture: string;
}

/** A manifest that a fact's index lists: for readers that know nothing of us. */
export interface NewChild {
  readonly artifactType: string;
  readonly layers: readonly NewLayer[];
  readonly platform?: ChildPlatform;
  /** Further entries of the index for the same manifest, for readers that look for another type. */
  readonly also?: readonly { readonly artifactType: string; readonly annotations?: Readonly<Record<string, string>> }[];
}

/** The index that a fact is stored as. */
export interface NewIndex {
  readonly artifactType: string;
  /** In this order; the manifest with the fact's document and layers comes last. */
  readonly children: readonly NewChild[];
}

/** A version (or a file of one) that is to be stored. */
export interface NewFact {
  /** From `libs/mapping`: `versionTag` or `fileTag`. */
  readonly tag: string;
  /** The version or file name as the ecosystem writes it. */
  readonly version: string;
  /** Any but one of the ledger's own; with `index` it begins with `MEDIA_TYPE_PREFIX`, by which the manifest is found. */
  readonly artifactType: string;
  /** JSON text. */
  readonly document: string;
  /** Begins with `MEDIA_TYPE_PREFIX`, which is what tells a fact from other people's pushes. */
  readonly documentMediaType: string;
  /** The file first, then what comes with it. */
  readonly layers: readonly NewLayer[];
  /** What "the same bytes" compares, at most 1 KiB of text. */
  readonly payload: string;
  /** When it was published, ISO 8601; for a pulled-through file upstream's time. */
  readonly at: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /**
   * Stores an index under the tag, which lists these children and then a manifest of `artifactType` with the document and the
   * layers. Left out: that manifest itself is stored under the tag.
   */
  readonly index?: NewIndex;
  /** Further tags for the very same manifest, for readers that know nothing of us; put after the fact, never read. Only for published facts. */
  readonly aliases?: readonly string[];
  /** Keys set by this very put, as events set them; only for published facts. */
  readonly assign?: Readonly<Record<string, JsonValue>>;
}

/** A stored version (or a file of one). */
export interface Fact {
  readonly tag: string;
  readonly version: string;
  /** Of what stands under the tag: the manifest, or the index. */
  readonly digest: Digest;
  /** Of the manifest with the document and the layers. */
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

/** What a fact's own manifest says. */
export interface FactContent extends Pick<Fact, 'artifactType' | 'layers'> {
  /** A descriptor: of the blob that has to be read. */
  readonly document: string | Descriptor;
}

/** A fact as its tag says it, before the rest of it is read. */
export interface PendingFact {
  readonly fact: Omit<Fact, keyof FactContent>;
  /** A descriptor: of the index's child that has to be read. */
  readonly content: FactContent | Descriptor;
}
