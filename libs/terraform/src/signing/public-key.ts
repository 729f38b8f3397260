import { enums, type Key, readKey } from 'openpgp';

import { ProxyError } from '@oci-package-proxy/errors';

import { armoredBlocks, armoredPublicKey } from './armor.ts';
import { CLIENT_RULES, MAX_KEY_CHARACTERS } from './client-rules.ts';
import { faultOfKey } from './key-packets.ts';
import { openPgpPackets, PACKET_TAGS } from './openpgp-packets.ts';

/** A key that may sign providers, and that all clients read. */
export interface PublicKey {
  /** Upper-case hex of the primary key. */
  readonly fingerprint: string;
  /** 16 upper-case hex digits. */
  readonly keyId: string;
  /** The same for the same key, however it was sent. */
  readonly asciiArmor: string;
  /** Who it belongs to, by its own word. */
  readonly userId: string;
  /** ISO 8601. */
  readonly created: string;
  /** ISO 8601; null: never. */
  readonly expires: string | null;
}

const HOW_TO_EXPORT = 'send the output of `gpg --armor --export <key id>`';
const HOW_TO_MAKE = 'make one with `gpg --quick-generate-key "<name> <mail>" rsa4096 sign never`';

/**
 * Reads one armored public key.
 * @throws ProxyError `invalid` for what is none, for a private key, for several keys, and for a key that clients cannot read, that cannot
 * sign, is weak, was revoked or has expired; the text says what to do instead.
 */
export async function readPublicKey(armored: string): Promise<PublicKey> {
  const bytes = keyBytes(armored);
  checkPackets(bytes);
  const key = await parsed(bytes);
  const expires = await checkUse(key);
  const { user } = await key.getPrimaryUser(undefined, undefined, CLIENT_RULES);
  return {
    fingerprint: key.getFingerprint().toUpperCase(),
    keyId: key.getKeyID().toHex().toUpperCase(),
    asciiArmor: armoredPublicKey(bytes),
    userId: (user.userID?.userID ?? '').replace(/\p{Cc}+/gu, ' '),
    created: key.getCreationTime().toISOString(),
    expires: expires?.toISOString() ?? null,
  };
}

function keyBytes(armored: string): Buffer {
  if (armored.length > MAX_KEY_CHARACTERS) {
    throw new ProxyError('invalid', `The public key is larger than ${MAX_KEY_CHARACTERS / 1024} KiB: export it with \`--export-options export-minimal\``);
  }
  if (armored.includes('PRIVATE KEY BLOCK')) {
    throw privateKeyError();
  }
  const [block, ...others] = armoredBlocks(armored) ?? [];
  if (block?.type !== 'PUBLIC KEY BLOCK') {
    throw new ProxyError('invalid', `This is no armored public key: ${HOW_TO_EXPORT}`);
  }
  if (others.length > 0) {
    throw severalKeysError();
  }
  return block.bytes;
}

/** What a client would stumble over, without better words than "first packet was not a public/private key". */
function checkPackets(bytes: Buffer): void {
  const packets = openPgpPackets(bytes);
  const tags = packets.map(({ tag }) => tag);
  if (tags.includes(PACKET_TAGS.secretKey) || tags.includes(PACKET_TAGS.secretSubkey)) {
    throw privateKeyError();
  }
  if (packets.at(-1)?.end !== bytes.length || tags[0] !== PACKET_TAGS.publicKey) {
    throw new ProxyError('invalid', `The public key is damaged: ${HOW_TO_EXPORT}`);
  }
  if (tags.filter((tag) => tag === PACKET_TAGS.publicKey).length > 1) {
    throw severalKeysError();
  }
  const fault = faultOfKey(packets);
  if (fault !== null) {
    throw new ProxyError('invalid', `The key, or a subkey of it, ${fault}: use an RSA key; ${HOW_TO_MAKE}`);
  }
}

async function parsed(bytes: Buffer): Promise<Key> {
  try {
    return await readKey({ binaryKey: bytes, config: CLIENT_RULES });
  } catch (error) {
    throw new ProxyError('invalid', `The public key cannot be read: ${HOW_TO_EXPORT}`, { cause: error });
  }
}

/** @returns when it expires; null: never. */
async function checkUse(key: Key): Promise<Date | null> {
  const { curve } = key.getAlgorithmInfo();
  if (curve !== undefined && CLIENT_RULES.rejectCurves.has(enums.curve[curve])) {
    throw new ProxyError('invalid', `The key is on the curve ${curve}, which nothing can be checked with here: use an RSA key; ${HOW_TO_MAKE}`);
  }
  if (await key.isRevoked(undefined, undefined, undefined, CLIENT_RULES)) {
    throw new ProxyError('invalid', 'The key was revoked by its owner: use another one');
  }
  const expires = await key.getExpirationTime(undefined, CLIENT_RULES);
  if (expires === null) {
    throw new ProxyError('invalid', `The key has no user ID that it has signed itself: ${HOW_TO_EXPORT}`);
  }
  if (expires instanceof Date && expires.getTime() <= Date.now()) {
    throw new ProxyError('invalid', `The key has expired on ${expires.toISOString().slice(0, 10)}: extend it (\`gpg --quick-set-expire <fingerprint> 2y\`) and export it again, or use another one`);
  }
  try {
    await key.getSigningKey(undefined, undefined, undefined, CLIENT_RULES);
  } catch (error) {
    throw new ProxyError('invalid', `The key cannot sign now: none of its parts may, or those that may have expired, were revoked or begin in the future; ${HOW_TO_MAKE}`, { cause: error });
  }
  return expires instanceof Date ? expires : null;
}

function privateKeyError(): ProxyError {
  return new ProxyError('invalid', `This is a private key. It was not kept, but whoever saw it on its way may have it now: think of replacing it. A public key is needed: ${HOW_TO_EXPORT}`);
}

function severalKeysError(): ProxyError {
  return new ProxyError('invalid', `These are several keys: add one at a time; ${HOW_TO_EXPORT}`);
}
