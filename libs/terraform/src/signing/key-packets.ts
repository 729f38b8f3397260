import { KEY_BITS, KNOWN_ALGORITHMS, MAX_EXPONENT_BITS } from './client-rules.ts';
import { type OpenPgpPacket, PACKET_TAGS } from './openpgp-packets.ts';

/** Types of the signatures that may follow a user ID and a subkey: RFC 9580, 5.2.1. Terraform refuses a key with any other there. */
const TYPES_AFTER: ReadonlyMap<number, ReadonlySet<number>> = new Map([
  [PACKET_TAGS.userId, new Set([0x10, 0x11, 0x12, 0x13, 0x30])],
  [PACKET_TAGS.publicSubkey, new Set([0x18, 0x28])],
]);
const RSA: ReadonlySet<number> = new Set([1, 2, 3]);
const DSA = 17;
/** Of version 4: version, time, algorithm. RFC 9580, 5.5.2. */
const MATERIAL_START = 6;

/** Why Terraform cannot read a key, or should not have to; null: it can. Whether it may sign is another question. */
export function faultOfKey(packets: readonly OpenPgpPacket[]): string | null {
  return packets.filter(isKey).map(({ body }) => faultOfMaterial(body)).find((fault) => fault !== null) ?? faultOfSignatures(packets);
}

/** Whether a key is so large that checking with it would take too long. */
export function isOversized(packets: readonly OpenPgpPacket[]): boolean {
  return packets.filter(isKey).some(({ body }) => modulusBits(body) > KEY_BITS.most || exponentBits(body) > MAX_EXPONENT_BITS);
}

/** Whether a packet is a public key or subkey. */
function isKey({ tag }: OpenPgpPacket): boolean {
  return tag === PACKET_TAGS.publicKey || tag === PACKET_TAGS.publicSubkey;
}

function faultOfMaterial(body: Buffer): string | null {
  const [version = 0, , , , , algorithm = 0] = body;
  if (version !== 4 || !KNOWN_ALGORITHMS.has(algorithm)) {
    return `is of a type that Terraform cannot read (version ${version}, algorithm ${algorithm})`;
  }
  const bits = modulusBits(body);
  if (bits !== 0 && (bits < KEY_BITS.least || bits > KEY_BITS.most)) {
    return `has ${bits} bits, where ${KEY_BITS.least} to ${KEY_BITS.most} are taken`;
  }
  return exponentBits(body) > MAX_EXPONENT_BITS ? 'has a public exponent that Terraform cannot read' : null;
}

function faultOfSignatures(packets: readonly OpenPgpPacket[]): string | null {
  let allowed: ReadonlySet<number> | undefined;
  for (const { tag, body } of packets) {
    const [version, type = 0] = body;
    if (tag !== PACKET_TAGS.signature) {
      allowed = TYPES_AFTER.get(tag);
    } else if (version === 4 && allowed?.has(type) === false) {
      return `has a signature of the type 0x${type.toString(16)} where Terraform cannot read it`;
    }
  }
  return null;
}

/** Of RSA and DSA; 0 for other algorithms. */
function modulusBits(body: Buffer): number {
  const algorithm = body[5] ?? 0;
  return RSA.has(algorithm) || algorithm === DSA ? bitsAt(body, MATERIAL_START) : 0;
}

/** Of RSA; 0 for other algorithms. */
function exponentBits(body: Buffer): number {
  return RSA.has(body[5] ?? 0) ? bitsAt(body, MATERIAL_START + 2 + Math.ceil(modulusBits(body) / 8)) : 0;
}

/** RFC 9580, 3.2: a number begins with the count of its bits. */
function bitsAt(body: Buffer, at: number): number {
  return body.length >= at + 2 ? body.readUInt16BE(at) : 0;
}
