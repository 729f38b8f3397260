import type { JsonValue } from '@oci-package-proxy/storage';

/** What a write is answered with. */
export interface WriteAnswer {
  /** HTTP status. */
  readonly status: number;
  /** yarn 1 wants `ok`, bun `success`. */
  readonly body: Readonly<Record<string, JsonValue>>;
}

/** Says that something was done. @param details `rev`: the package's revision where it is known. */
export function done(ok: string, details: { readonly status?: number; readonly name: string; readonly rev?: string | null }): WriteAnswer {
  const { status = 200, name, rev = null } = details;
  return { status, body: { ok, success: true, id: name, ...(rev === null ? {} : { rev }) } };
}
