import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const TOKEN = /^opp_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

/** A new token: its text is shown once, only `hash` is kept. */
export function newToken(): { readonly text: string; readonly id: string; readonly hash: string } {
  const id = randomBytes(8).toString('hex');
  const secret = randomBytes(32).toString('base64url');
  return { text: `opp_${id}_${secret}`, id, hash: hashOf(secret) };
}

/** The parts of a token's text, `opp_<id>_<secret>`; null when it is none. */
export function parseToken(text: string): { readonly id: string; readonly hash: string } | null {
  const match = TOKEN.exec(text);
  return match === null ? null : { id: match[1] ?? '', hash: hashOf(match[2] ?? '') };
}

/** Hex of the sha256. */
export function hashOf(secret: string): string {
  return createHash('sha256').update(secret, 'utf8').digest('hex');
}

/** Whether two hashes are the same, in a time that does not tell where they differ. */
export function sameHash(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
}
