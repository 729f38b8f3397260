import type { Digest } from './digest.ts';

/** A content descriptor: https://github.com/opencontainers/image-spec/blob/main/descriptor.md */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** The content itself, base64; only for small content. */
  readonly data?: string;
  readonly platform?: { readonly architecture: string; readonly os: string };
}
