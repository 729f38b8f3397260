import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';

import { LRUCache } from 'lru-cache';

/** What a code stands for. */
export interface LoginGrant {
  /** Whose token it becomes: a user's, the administrator's, or a token that was shown and is handed on. */
  readonly owner: { readonly kind: 'user' | 'admin'; readonly name: string } | { readonly kind: 'token'; readonly token: string };
  readonly challenge: string;
  readonly redirectUri: string;
}

/** How codes are made. */
export interface LoginCodesOptions {
  /** SECRET_KEY: the same on every replica. The key of codes is derived from it, and is good for nothing else. */
  readonly secret: string;
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
}

interface Sealed extends LoginGrant {
  readonly end: number;
}

const PURPOSE = 'terraform login codes v1';
const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const MAX_CODE = 2048;
/** How long a code is good for: a browser takes it to a port of its own computer. */
const CODE_MS = 60_000;
const MAX_USED = 100_000;
/** RFC 7636 §4.1. */
const VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/;

/**
 * Codes that hold what they stand for, encrypted and authenticated, so that any replica reads them. Each is good once: the replica that
 * took it remembers, and on another one whoever caught it still lacks the verifier.
 */
export class LoginCodes {
  readonly #key: Buffer;
  readonly #clock: () => number;
  readonly #used = new LRUCache<string, true>({ max: MAX_USED, ttl: CODE_MS });

  constructor({ secret, clock = Date.now }: LoginCodesOptions) {
    this.#key = Buffer.from(hkdfSync('sha256', secret, '', PURPOSE, 32));
    this.#clock = clock;
  }

  /** A code for a grant. */
  make(grant: LoginGrant): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.#key, nonce);
    const sealed: Sealed = { ...grant, end: this.#clock() + CODE_MS };
    const body = Buffer.concat([cipher.update(JSON.stringify(sealed), 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, body, cipher.getAuthTag()]).toString('base64url');
  }

  /** What a code stands for, this once; null for one that has ended, was used or never made here, or is shown with another verifier or address. */
  redeem(code: string, shown: { readonly verifier: string; readonly redirectUri: string }): LoginGrant | null {
    const sealed = this.#opened(code);
    if (sealed === null || sealed.end <= this.#clock() || sealed.redirectUri !== shown.redirectUri || !isVerifierOf(sealed.challenge, shown.verifier) || this.#used.has(code)) {
      return null;
    }
    this.#used.set(code, true);
    return sealed;
  }

  #opened(code: string): Sealed | null {
    const bytes = Buffer.from(code, 'base64url');
    if (code.length > MAX_CODE || bytes.length <= NONCE_BYTES + TAG_BYTES || bytes.toString('base64url') !== code) {
      return null;
    }
    const decipher = createDecipheriv(CIPHER, this.#key, bytes.subarray(0, NONCE_BYTES)).setAuthTag(bytes.subarray(-TAG_BYTES));
    try {
      const text = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]).toString('utf8');
      return JSON.parse(text) as Sealed;
    } catch {
      return null;
    }
  }
}

/** RFC 7636 §4.6. */
function isVerifierOf(challenge: string, verifier: string): boolean {
  const made = createHash('sha256').update(verifier, 'ascii').digest('base64url');
  return VERIFIER.test(verifier) && made.length === challenge.length && timingSafeEqual(Buffer.from(made), Buffer.from(challenge));
}
