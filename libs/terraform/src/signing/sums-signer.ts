import { createMessage, decryptKey, generateKey, type PrivateKey, readPrivateKey, sign } from 'openpgp';

import { isProxyError, ProxyError } from '@oci-package-proxy/errors';

import type { SigningKey } from '../model/provider.ts';
import { armoredPublicKey } from './armor.ts';
import { readPublicKey } from './public-key.ts';

/** Signs the sums of providers that come without a signature. */
export interface SumsSigner {
  /** A detached, binary signature. */
  sign(sums: Buffer): Promise<Buffer>;
  /** What clients check it with. */
  publicKey(): SigningKey;
}

/** The key of a {@link SumsSigner}. */
export interface SumsSignerOptions {
  readonly armoredPrivateKey: string;
  /** Null: the key has none. */
  readonly passphrase: string | null;
}

/** Whom a new key belongs to. */
export interface KeyOwner {
  readonly name: string;
  readonly email: string;
}

/** Clients refuse a signature that their clock has not come to yet. */
const CLOCK_SKEW_MS = 60_000;
const HOW_TO_EXPORT = 'give the output of `gpg --armor --export-secret-keys <key id>`';

/** @throws ProxyError `config` for a key that cannot be read or used, or that clients could not read; the text never has any of it. */
export async function createSumsSigner({ armoredPrivateKey, passphrase }: SumsSignerOptions): Promise<SumsSigner> {
  const key = await unlocked(await parsed(armoredPrivateKey), passphrase);
  const publicKey = await publicPart(key);
  const signer = { sign: (sums: Buffer) => signed(sums, key), publicKey: () => publicKey };
  try {
    await signer.sign(Buffer.from('trial'));
  } catch (error) {
    throw new ProxyError('config', `The signing key ${publicKey.keyId} cannot sign: its secret part may be missing; ${HOW_TO_EXPORT}`, { cause: error });
  }
  return signer;
}

/** A new key of the one type that every client reads: RSA with 4096 bits. It never expires, and has no passphrase. Takes seconds. */
export async function generateSigningKey({ name, email }: KeyOwner): Promise<{ readonly privateKey: string; readonly publicKey: string }> {
  const { privateKey, publicKey } = await generateKey({ type: 'rsa', rsaBits: 4096, userIDs: [{ name, email }], subkeys: [], format: 'armored' });
  return { privateKey, publicKey };
}

async function parsed(armoredKey: string): Promise<PrivateKey> {
  try {
    return await readPrivateKey({ armoredKey });
  } catch (error) {
    throw new ProxyError('config', `The signing key is no armored private key: ${HOW_TO_EXPORT}`, { cause: error });
  }
}

async function unlocked(privateKey: PrivateKey, passphrase: string | null): Promise<PrivateKey> {
  if (privateKey.isDecrypted()) {
    return privateKey;
  }
  if (passphrase === null) {
    throw new ProxyError('config', 'The signing key has a passphrase: name the file that holds it (`passphraseFile`)');
  }
  try {
    return await decryptKey({ privateKey, passphrase });
  } catch (error) {
    throw new ProxyError('config', 'The signing key cannot be unlocked: the passphrase may be wrong', { cause: error });
  }
}

async function publicPart(key: PrivateKey): Promise<SigningKey> {
  try {
    const { keyId, asciiArmor } = await readPublicKey(armoredPublicKey(key.toPublic().write()));
    return { keyId, asciiArmor, trustSignature: '', source: '', sourceUrl: '' };
  } catch (error) {
    throw isProxyError(error, 'invalid') ? new ProxyError('config', `The signing key cannot be used: ${error.message}`, { cause: error }) : error;
  }
}

async function signed(sums: Buffer, key: PrivateKey): Promise<Buffer> {
  try {
    return await signedAt(sums, key, new Date(Date.now() - CLOCK_SKEW_MS));
  } catch {
    // The key, or what makes it one, is younger than that.
    return signedAt(sums, key, new Date());
  }
}

async function signedAt(binary: Buffer, signingKeys: PrivateKey, date: Date): Promise<Buffer> {
  return Buffer.from(await sign({ message: await createMessage({ binary }), signingKeys, detached: true, format: 'binary', date }));
}
