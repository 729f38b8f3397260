import type { FoldValue, JsonValue } from '@oci-package-proxy/storage';
import { z } from 'zod';

import { signingKeyKey } from '../model/terraform-fact.ts';
import type { StoredKey } from '../publish/publish-port.ts';

const PREFIX = signingKeyKey('');
const FINGERPRINT = /^[0-9A-F]{40}$/;

/** The value of an event `key:<fingerprint>`: anything else in storage is no key. */
const KeyValue = z.object({
  keyId: z.string().regex(/^[0-9A-F]{16}$/),
  asciiArmor: z.string().min(1),
  trustSignature: z.string(),
  source: z.string(),
  sourceUrl: z.string(),
  expires: z.iso.datetime().nullable(),
});

/** What is stored of a key. */
export type KeyValue = z.output<typeof KeyValue>;

/** The change that stores a key; null removes it. */
export function keyChange(fingerprint: string, value: KeyValue | null): { readonly key: string; readonly value: JsonValue } {
  return { key: signingKeyKey(fingerprint), value };
}

/** The key in a value of the fold, or null. */
export function storedKey(key: string, { value, at, by }: FoldValue): StoredKey | null {
  const fingerprint = key.slice(PREFIX.length);
  const parsed = key.startsWith(PREFIX) && FINGERPRINT.test(fingerprint) ? KeyValue.safeParse(value) : null;
  return parsed?.success === true ? { ...parsed.data, fingerprint, addedAt: at, addedBy: by } : null;
}
