import type { ErrorCode } from '@oci-package-proxy/errors';

/** An error as an ecosystem writes it. */
export interface EncodedError {
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Shown by clients that print the status line (RFC 9112 §4) and not the body. What cannot stand there is left out or replaced. */
  readonly reason?: string;
}

/** Writes an error the way an ecosystem's clients read it. Must not throw. */
export type ErrorBodyEncoder = (
  error: { readonly status: number; readonly code: ErrorCode; readonly message: string },
  request: { readonly url: string; readonly accept: string | undefined },
) => EncodedError;

/** A path prefix and what an ecosystem wants done below it, outside of its controllers. */
export interface HttpMount {
  /** `''` for the root, else like `/npm`. */
  readonly prefix: string;
  /** Label of the metrics for requests below it. */
  readonly ecosystem?: string;
  readonly errorBody?: ErrorBodyEncoder;
  /** Gets path and query below the prefix (it begins with `/`) and returns them as the router shall see them. */
  readonly rewriteUrl?: (url: string) => string;
}

/** The mounts of one process, asked by URL. */
export class HttpMounts {
  readonly #mounts: readonly HttpMount[];

  constructor(mounts: readonly HttpMount[]) {
    this.#mounts = mounts.toSorted((a, b) => b.prefix.length - a.prefix.length);
  }

  /** The mount with the longest prefix that `url` (path and query) lies below. */
  find(url: string): HttpMount | null {
    return this.#mounts.find((mount) => liesBelow(mount.prefix, url)) ?? null;
  }

  /** The encoder for `url`: its mount's, else that of the next shorter prefix that has one, else plain JSON. */
  errorBody(url: string): ErrorBodyEncoder {
    return this.#mounts.find((mount) => mount.errorBody !== undefined && liesBelow(mount.prefix, url))?.errorBody ?? plainErrorBody;
  }

  /** `url` as the router shall see it. */
  rewrite(url: string): string {
    const mount = this.find(url);
    if (mount?.rewriteUrl === undefined) {
      return url;
    }
    const rest = url.slice(mount.prefix.length);
    return mount.prefix + mount.rewriteUrl(rest.startsWith('/') ? rest : `/${rest}`);
  }
}

function liesBelow(prefix: string, url: string): boolean {
  if (!url.startsWith(prefix)) {
    return false;
  }
  const next = url[prefix.length];
  return prefix === '' || next === undefined || next === '/' || next === '?';
}

function plainErrorBody(error: { readonly code: ErrorCode; readonly message: string }): { contentType: string; body: string } {
  return { contentType: 'application/json', body: JSON.stringify({ error: error.message, code: error.code }) };
}
