import { createMessage, type Key, readKeys, readSignature, type SignaturePacket, type Subkey } from 'openpgp';

import { ProxyError } from '@oci-package-proxy/errors';

import type { SigningKey } from '../model/provider.ts';
import { armoredBlocks } from './armor.ts';
import { CLIENT_RULES, MAX_KEY_CHARACTERS } from './client-rules.ts';
import { isOversized } from './key-packets.ts';
import { openPgpPackets, PACKET_TAGS } from './openpgp-packets.ts';

/** SHA256SUMS, its detached, binary signature, and the keys that it may be of. */
export interface SignedSums {
  readonly sums: Buffer;
  readonly signature: Buffer;
  readonly keys: readonly SigningKey[];
  /** Takes a signature that has expired, or whose key had when it signed, as clients do of other registries. Default false. */
  readonly takesExpired?: boolean;
}

const MAX_BYTES = 64 * 1024;
const ARMOR_START = '-----BEGIN PGP ';
/** Clients refuse what their clock has not come to yet; by so much a publisher's clock may be ahead. */
const CLOCK_SKEW_MS = 5 * 60_000;

/**
 * A detached signature as clients need it: binary. An armored one is converted, and what follows a signature is cut off, as clients do
 * not read it either.
 * @throws ProxyError `unprocessable` for what is no detached signature.
 */
export async function binarySignature(bytes: Buffer): Promise<Buffer> {
  const binary = bytes.length > MAX_BYTES ? null : unarmored(bytes);
  const signatures = binary === null ? null : onlySignatures(binary);
  if (signatures === null || signatures.length === 0) {
    throw new ProxyError('unprocessable', 'The signature is no detached OpenPGP signature: make it with `gpg --detach-sign <file of the sums>`');
  }
  if ((await readPackets(signatures)).length === 0) {
    throw new ProxyError('unprocessable', 'The signature is of a kind that clients cannot read, or does not say which key it is of: make it with `gpg --detach-sign` and an RSA key');
  }
  return signatures;
}

/** IDs of the keys that made a signature, by its own word: 16 upper-case hex digits each. For texts. */
export async function issuersOf(signature: Buffer): Promise<string[]> {
  const packets = await readPackets(signature);
  return [...new Set(packets.map(({ issuerKeyID }) => issuerKeyID.toHex().toUpperCase()))];
}

/** Those of the keys that a signature says it is of, itself or by a subkey of theirs, whether or not it is right. For texts. */
export async function keysNamedIn(signature: Buffer, keys: readonly SigningKey[]): Promise<readonly SigningKey[]> {
  const packets = await readPackets(signature);
  const verdicts = await Promise.all(keys.map(async ({ asciiArmor }) => (await keysIn(asciiArmor)).some((key) => packets.some(({ issuerKeyID }) => key.getKeys(issuerKeyID).length > 0))));
  return keys.filter((_, index) => verdicts[index]);
}

/**
 * Those of the keys that have signed the sums, as clients see it: a key that has expired since is right, and unless `takesExpired` one that
 * had when it signed is not, nor is a signature that has expired. A revoked key never is. SHA-1 is right, as it is to them, and MD5 is not.
 */
export async function signersOf(signed: SignedSums): Promise<readonly SigningKey[]> {
  const { keys } = signed;
  const packets = await readPackets(signed.signature);
  const verdicts = await Promise.all(keys.map(({ asciiArmor }) => hasSigned(asciiArmor, packets, signed)));
  return keys.filter((_, index) => verdicts[index]);
}

async function hasSigned(asciiArmor: string, packets: readonly SignaturePacket[], signed: SignedSums): Promise<boolean> {
  for (const key of await keysIn(asciiArmor)) {
    // A client takes the first signature that names the key, and no other if that is wrong.
    const packet = packets.find(({ issuerKeyID }) => key.getKeys(issuerKeyID).length > 0);
    if (packet !== undefined) {
      return isSound(packet, key, signed);
    }
  }
  return false;
}

async function isSound(packet: SignaturePacket, key: Key, { sums, takesExpired = false }: SignedSums): Promise<boolean> {
  const { created, signatureType } = packet;
  if (created === null || signatureType === null || created.getTime() > Date.now() + CLOCK_SKEW_MS) {
    return false;
  }
  if (!takesExpired && packet.getExpirationTime().valueOf() <= Date.now()) {
    return false;
  }
  try {
    // No date: the self-signatures that count are the latest ones, even if a key was extended after it had signed.
    const signer = await key.getSigningKey(packet.issuerKeyID, null, undefined, CLIENT_RULES);
    const message = await createMessage({ binary: sums });
    const [literal] = message.packets;
    if (literal === undefined || (!takesExpired && (await expiryOf(signer, key)) <= created.getTime())) {
      return false;
    }
    await packet.verify(signer.keyPacket, signatureType, literal, created, true, CLIENT_RULES);
    return true;
  } catch {
    return false;
  }
}

/** When the primary key ends, or the subkey if that is earlier: ms since the epoch. */
async function expiryOf(signer: Key | Subkey, key: Key): Promise<number> {
  const primary = await key.getExpirationTime(undefined, CLIENT_RULES);
  const own = 'mainKey' in signer ? await signer.getExpirationTime(undefined, CLIENT_RULES) : primary;
  return Math.min(primary?.valueOf() ?? 0, own?.valueOf() ?? 0);
}

/** The keys of the first block, which is all that clients read. */
async function keysIn(asciiArmor: string): Promise<Key[]> {
  const [block] = asciiArmor.length > MAX_KEY_CHARACTERS ? [] : (armoredBlocks(asciiArmor) ?? []);
  if (block === undefined || isOversized(openPgpPackets(block.bytes))) {
    return [];
  }
  try {
    return await readKeys({ binaryKeys: block.bytes, config: CLIENT_RULES });
  } catch {
    return [];
  }
}

/** The signatures that say which key they are of. */
async function readPackets(signature: Buffer): Promise<SignaturePacket[]> {
  try {
    const { packets } = await readSignature({ binarySignature: onlySignatures(signature), config: CLIENT_RULES });
    return packets.filter(({ issuerKeyID }) => !/^0*$/.test(issuerKeyID.toHex()));
  } catch {
    return [];
  }
}

function onlySignatures(binary: Buffer): Buffer {
  const packets = openPgpPackets(binary);
  const other = packets.findIndex(({ tag }) => tag !== PACKET_TAGS.signature);
  const count = other === -1 ? packets.length : other;
  return binary.subarray(0, packets[count - 1]?.end ?? 0);
}

function unarmored(bytes: Buffer): Buffer | null {
  // The first byte of a packet has its highest bit set, and that of a text has not.
  if ((bytes[0] ?? 0) >= 0x80) {
    return bytes;
  }
  const text = bytes.toString('latin1');
  const blocks = text.includes(ARMOR_START) ? armoredBlocks(text) : null;
  const [block] = blocks ?? [];
  return blocks?.length === 1 && block?.type === 'SIGNATURE' ? block.bytes : null;
}
