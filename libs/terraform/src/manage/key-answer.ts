import type { StoredKey } from '../publish/publish-port.ts';

/** The most that an armored key may have, in bytes: those with many signatures of others are large. */
export const MAX_KEY_BYTES: number = 256 * 1024;

/** A key as the API and `--json` show it. */
export interface KeyAnswer {
  readonly key_id: string;
  readonly fingerprint: string;
  /** ISO 8601; null: never. */
  readonly expires: string | null;
  readonly source: string;
  readonly source_url: string;
  readonly added_at: string;
  readonly added_by: string;
  readonly ascii_armor: string;
}

/** What is shown of a key. */
export function keyAnswer({ keyId, fingerprint, expires, source, sourceUrl, addedAt, addedBy, asciiArmor }: StoredKey): KeyAnswer {
  return { key_id: keyId, fingerprint, expires, source, source_url: sourceUrl, added_at: addedAt, added_by: addedBy, ascii_armor: asciiArmor };
}
