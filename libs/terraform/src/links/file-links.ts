import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';

import { ProxyError } from '@oci-package-proxy/errors';

import type { FileClaim, FileLinks } from './file-claim.ts';

/** How links are made. */
export interface FileLinksOptions {
  /** SECRET_KEY: the same on every replica. The key of links is derived from it, and is good for nothing else. */
  readonly secret: string;
  /** How long a link is good for, at least; it is at most twice that. */
  readonly seconds: number;
  readonly clock?: () => number;
}

const PURPOSE = 'terraform file links v1';
/** The first byte of a token, so that another form can be told from this one. */
const FORMAT = 1;
const KINDS = ['provider-archive', 'sums', 'signature', 'module-archive'] as const satisfies readonly FileClaim['kind'][];
const WITH_DIGEST = 0x80;
const DIGEST_BYTES = 32;
/** Of the HMAC-SHA256; 160 of its 256 bits. */
const MAC_BYTES = 20;
/** Form, kind, end of validity. */
const HEAD_BYTES = 6;
/** A router's parameter has at most so many. */
const MAX_TOKEN_CHARACTERS = 2048;

/** Links whose tokens hold the claim itself, signed: nothing has to be remembered, and any replica reads them. */
export function createFileLinks({ secret, seconds, clock = Date.now }: FileLinksOptions): FileLinks {
  const key = Buffer.from(hkdfSync('sha256', secret, '', PURPOSE, 32));
  const nowSeconds = (): number => Math.floor(clock() / 1000);
  return {
    pathOf(claim) {
      // Aligned, so that a claim has one path for a while: documents stay the same, and caches in between work.
      const end = (Math.floor(nowSeconds() / seconds) + 2) * seconds;
      return `${tokenOf(claim, end, key)}/${filenamePath(claim.filename)}`;
    },
    read(token) {
      const body = verified(token, key);
      if (body === null || body.readUInt32BE(2) <= nowSeconds()) {
        throw ended();
      }
      return claimOf(body);
    },
  };
}

function tokenOf({ kind, package: name, version, platform, sha256 }: FileClaim, end: number, key: Buffer): string {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt8(FORMAT, 0);
  head.writeUInt8(KINDS.indexOf(kind) | (sha256 === null ? 0 : WITH_DIGEST), 1);
  head.writeUInt32BE(end, 2);
  const texts = platform === null ? [name, version] : [name, version, platform.os, platform.arch];
  const body = Buffer.concat([head, Buffer.from(sha256 ?? '', 'hex'), Buffer.from(JSON.stringify(texts), 'utf8')]);
  const token = Buffer.concat([body, macOf(body, key)]).toString('base64url');
  if (token.length > MAX_TOKEN_CHARACTERS) {
    throw new ProxyError('invalid', `The names in ${name} ${version} are too long for a link: use shorter ones`);
  }
  return token;
}

/** What was signed; null for everything that {@link tokenOf} never made. */
function verified(token: string, key: Buffer): Buffer | null {
  const bytes = Buffer.from(token, 'base64url');
  // Decoding passes over what is no base64url: one link has one spelling.
  if (token.length > MAX_TOKEN_CHARACTERS || bytes.length < HEAD_BYTES + MAC_BYTES || bytes.toString('base64url') !== token) {
    return null;
  }
  const body = bytes.subarray(0, -MAC_BYTES);
  return timingSafeEqual(bytes.subarray(-MAC_BYTES), macOf(body, key)) && body.readUInt8(0) === FORMAT ? body : null;
}

function claimOf(body: Buffer): Omit<FileClaim, 'filename'> {
  const flags = body.readUInt8(1);
  const kind = KINDS[flags & ~WITH_DIGEST];
  const textStart = HEAD_BYTES + ((flags & WITH_DIGEST) === 0 ? 0 : DIGEST_BYTES);
  const [name = '', version = '', os, arch] = JSON.parse(body.toString('utf8', textStart)) as string[];
  if (kind === undefined) {
    throw ended();
  }
  return {
    kind,
    package: name,
    version,
    platform: os === undefined || arch === undefined ? null : { os, arch },
    sha256: textStart === HEAD_BYTES ? null : body.toString('hex', HEAD_BYTES, textStart),
  };
}

/** @throws ProxyError `internal` for a name that a URL cannot end in. */
function filenamePath(filename: string): string {
  if (filename === '' || filename === '.' || filename === '..' || !filename.isWellFormed()) {
    throw new ProxyError('internal', 'A file of a provider or module has a name that no link can end in');
  }
  return encodeURIComponent(filename);
}

function macOf(body: Buffer, key: Buffer): Buffer {
  return createHmac('sha256', key).update(body).digest().subarray(0, MAC_BYTES);
}

// One text for all of it: whoever tries tokens learns nothing.
function ended(): ProxyError {
  return new ProxyError('forbidden', 'This link has ended: run init again');
}
