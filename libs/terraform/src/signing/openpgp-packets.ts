/** One packet, its content not read. */
export interface OpenPgpPacket {
  /** RFC 9580, 5. */
  readonly tag: number;
  readonly body: Buffer;
  /** Where the next one begins. */
  readonly end: number;
}

/** Tags of the packets that matter here. */
export const PACKET_TAGS = { signature: 2, secretKey: 5, publicKey: 6, secretSubkey: 7, userId: 13, publicSubkey: 14 } as const;

interface Header {
  readonly tag: number;
  readonly bodyStart: number;
  readonly length: number;
}

/**
 * The packets of a key or a detached signature, unread, so that it can be seen what a client with an older library would meet. They end
 * before the first bytes that are no packet, or one of a length that only long messages have.
 */
export function openPgpPackets(bytes: Buffer): OpenPgpPacket[] {
  const packets: OpenPgpPacket[] = [];
  for (let at = 0; at < bytes.length; ) {
    const header = headerAt(bytes, at);
    const end = header === null ? Infinity : header.bodyStart + header.length;
    if (header === null || end > bytes.length) {
      break;
    }
    packets.push({ tag: header.tag, body: bytes.subarray(header.bodyStart, end), end });
    at = end;
  }
  return packets;
}

/** RFC 9580, 4.2. */
function headerAt(bytes: Buffer, at: number): Header | null {
  const [first = 0, second = 0, third = 0] = bytes.subarray(at, at + 3);
  if ((first & 0x80) === 0) {
    return null;
  }
  if ((first & 0x40) === 0) {
    const lengthBytes = [1, 2, 4, 0][first & 3] ?? 0;
    return lengthBytes === 0 ? null : headerOf(bytes, at + 1, { tag: (first >> 2) & 0xf, lengthBytes });
  }
  const tag = first & 0x3f;
  if (second < 192) {
    return headerOf(bytes, at + 1, { tag, lengthBytes: 1 });
  }
  if (second < 224) {
    return { tag, bodyStart: at + 3, length: ((second - 192) << 8) + third + 192 };
  }
  return second === 255 ? headerOf(bytes, at + 2, { tag, lengthBytes: 4 }) : null;
}

function headerOf(bytes: Buffer, lengthStart: number, { tag, lengthBytes }: { readonly tag: number; readonly lengthBytes: number }): Header | null {
  const bodyStart = lengthStart + lengthBytes;
  return bodyStart > bytes.length ? null : { tag, bodyStart, length: bytes.readUIntBE(lengthStart, lengthBytes) };
}
