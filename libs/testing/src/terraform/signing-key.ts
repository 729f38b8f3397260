import { createMessage, enums, generateKey, type PrivateKey, readPrivateKey, sign } from 'openpgp';

/** Kinds of keys that clients can read: `curve25519` is one that terraform 1.11 cannot. */
export type TestKeyKind = 'rsa' | 'ed25519-legacy' | 'curve25519';

/** A key pair that signs releases. */
export interface TestKey {
  readonly publicKey: string;
  readonly privateKey: string;
  /** 16 upper-case hex digits. */
  readonly keyId: string;
  /** Upper-case hex. */
  readonly fingerprint: string;
  /** A detached signature: binary, or armored. */
  sign(bytes: Uint8Array, form?: 'binary' | 'armored'): Promise<Buffer>;
}

/** How a key is made. */
export interface TestKeyOptions {
  /** `rsa` (2048 bits) when absent. */
  readonly kind?: TestKeyKind;
  readonly name?: string;
  /** The moment of its making; now when absent. */
  readonly created?: Date;
  /** Seconds after which it ends; never when absent. */
  readonly expiresAfter?: number;
}

/** Makes a key pair. */
export async function signingKey(options: TestKeyOptions = {}): Promise<TestKey> {
  const { kind = 'rsa', name = 'Test Publisher', created, expiresAfter } = options;
  const { privateKey, publicKey } = await generateKey({
    ...algorithmOf(kind),
    userIDs: [{ name, email: 'publisher@example.com' }],
    format: 'armored',
    ...(created !== undefined && { date: created }),
    ...(expiresAfter !== undefined && { keyExpirationTime: expiresAfter }),
  });
  const key = await readPrivateKey({ armoredKey: privateKey });
  const date = created === undefined ? undefined : new Date(created.getTime() + 1000);
  return {
    publicKey,
    privateKey,
    keyId: key.getKeyID().toHex().toUpperCase(),
    fingerprint: key.getFingerprint().toUpperCase(),
    sign: async (bytes, form = 'binary') => signed(key, { bytes, form, date }),
  };
}

function algorithmOf(kind: TestKeyKind): { readonly type: 'rsa'; readonly rsaBits: number } | { readonly type: 'ecc'; readonly curve: 'ed25519Legacy' } | { readonly type: 'curve25519' } {
  switch (kind) {
    case 'rsa':
      return { type: 'rsa', rsaBits: 2048 };
    case 'ed25519-legacy':
      return { type: 'ecc', curve: 'ed25519Legacy' };
    case 'curve25519':
      return { type: 'curve25519' };
  }
}

async function signed(key: PrivateKey, { bytes, form, date }: { readonly bytes: Uint8Array; readonly form: 'binary' | 'armored'; readonly date: Date | undefined }): Promise<Buffer> {
  const options = { message: await createMessage({ binary: bytes }), signingKeys: key, detached: true as const, config: { preferredHashAlgorithm: enums.hash.sha512 }, ...(date !== undefined && { date }) };
  return Buffer.from(form === 'armored' ? await sign({ ...options, format: 'armored' }) : ((await sign({ ...options, format: 'binary' })) as Uint8Array));
}
