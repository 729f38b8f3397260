import { ProxyError } from '@oci-package-proxy/errors';

import { shown } from './archive/archive-failure.ts';
import type { DigestKind } from './upload-file.ts';

/** The most that one text field may have, in bytes. */
export const MAX_FIELD_BYTES: number = 16 * 2 ** 20;
const MAX_TEXT_BYTES = 64 * 2 ** 20;
// What old setuptools sends for what is not set.
const UNSET = 'UNKNOWN';

const READ_FIELDS = [':action', 'protocol_version', 'filetype', 'name', 'version', 'requires_python', 'sha256_digest', 'blake2_256_digest', 'md5_digest', 'attestations'] as const;

/** A text field of an upload that is looked at; the others are in the file's own metadata too, or of no use. */
export type FieldName = (typeof READ_FIELDS)[number];

/** The field of each digest. */
export const DIGEST_FIELDS: Readonly<Record<DigestKind, FieldName>> = { sha256: 'sha256_digest', blake2_256: 'blake2_256_digest', md5: 'md5_digest' };

/** The text fields of an upload. Memory holds those that are looked at. */
export class UploadFields {
  readonly #values = new Map<FieldName, string>();
  #bytes = 0;

  /**
   * Takes a field. Empty values and `UNKNOWN` mean that there is none.
   * @returns its name when it is looked at and says something new.
   * @throws ProxyError `invalid` when it says something else than before; `too-large`.
   */
  add(name: string | undefined, text: string): FieldName | null {
    this.#bytes += Buffer.byteLength(text, 'utf8') + (name ?? '').length;
    if (this.#bytes > MAX_TEXT_BYTES) {
      throw new ProxyError('too-large', `The text fields of the upload have more than the ${MAX_TEXT_BYTES} bytes that are allowed.`);
    }
    const field = READ_FIELDS.find((known) => known === name);
    const value = text.trim();
    if (field === undefined || value === '' || value === UNSET) {
      return null;
    }
    const before = this.#values.get(field);
    if (before !== undefined && before !== value) {
      throw new ProxyError('invalid', `The upload has the field ${field} twice, ${shown(JSON.stringify(before))} and ${shown(JSON.stringify(value))}. Send it once.`);
    }
    this.#values.set(field, value);
    return before === undefined ? field : null;
  }

  /** Null: not sent. */
  get(name: FieldName): string | null {
    return this.#values.get(name) ?? null;
  }

  /** The digests that were declared so far. */
  declared(): DigestKind[] {
    return (['sha256', 'blake2_256', 'md5'] as const).filter((kind) => this.#values.has(DIGEST_FIELDS[kind]));
  }
}
