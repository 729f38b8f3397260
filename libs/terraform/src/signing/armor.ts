import { armor, enums } from 'openpgp';

/** What an armored block holds. */
export interface ArmoredBlock {
  /** Like `PUBLIC KEY BLOCK` or `SIGNATURE`. */
  readonly type: string;
  readonly bytes: Buffer;
}

const BEGIN = /^-----BEGIN PGP ([A-Z ,0-9/]+)-----$/;
const END = /^-----END PGP [A-Z ,0-9/]+-----$/;
const CHECKSUM = /^=[A-Za-z0-9+/]{4}$/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** All armored blocks of a text, whatever stands around them; null where one of them is damaged. Spaces at the ends of lines do no harm. */
export function armoredBlocks(text: string): ArmoredBlock[] | null {
  const lines = text.split('\n').map((line) => line.trim());
  const blocks: ArmoredBlock[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const type = BEGIN.exec(lines[at] ?? '')?.[1];
    if (type === undefined) {
      continue;
    }
    const end = lines.findIndex((line, index) => index > at && END.test(line));
    const bytes = end === -1 ? null : contentOf(lines.slice(at + 1, end));
    if (bytes === null) {
      return null;
    }
    blocks.push({ type, bytes });
    at = end;
  }
  return blocks;
}

/** The block of a public key as clients read it: short lines and a checksum, nothing around it. The same for the same bytes. */
export function armoredPublicKey(bytes: Uint8Array): string {
  return armor(enums.armor.publicKey, bytes, undefined, undefined, undefined, true).replaceAll('\r\n', '\n');
}

function contentOf(lines: readonly string[]): Buffer | null {
  // Headers, if any, end with the first empty line.
  const content = lines.slice(lines.indexOf('') + 1).filter((line) => line !== '' && !CHECKSUM.test(line));
  const base64 = content.join('');
  return base64 !== '' && BASE64.test(base64) ? Buffer.from(base64, 'base64') : null;
}
