import type { UpstreamDocument } from '@oci-package-proxy/upstream';

import { type ListedVersion, type Platform, platformText, type SigningKey } from '../model/provider.ts';
import type { ArchiveHashes } from '../read/read-port.ts';
import { canonicalVersion } from '../versions/version.ts';
import { asObject, objectOf, objectsOf, textOf, textsOf, type Unknown, webUrlOf } from './upstream-json.ts';
import { printableWarnings } from './warnings.ts';

/** One platform of a provider version, as an upstream registry shows it. */
export interface UpstreamPackage {
  readonly platform: Platform;
  readonly protocols: readonly string[];
  readonly filename: string;
  /** Lower-case hex. */
  readonly sha256: string;
  /** All three absolute. */
  readonly archiveUrl: string;
  readonly sumsUrl: string;
  readonly signatureUrl: string;
  /** As they are; none where upstream knows none. */
  readonly keys: readonly SigningKey[];
  /** What upstream says of every platform; null where it does not. */
  readonly all: readonly ArchiveHashes[] | null;
}

/** The versions that upstream lists, and what it warns of. */
export interface UpstreamVersions {
  readonly versions: readonly ListedVersion[];
  readonly warnings: readonly string[];
}

const MAX_VERSIONS = 20_000;
const MAX_PLATFORMS = 200;
const MAX_PROTOCOLS = 20;
const MAX_KEYS = 50;
const MAX_HASHES = 50;
const MAX_WARNINGS = 100;
const PLATFORM_PART = /^[a-z0-9][a-z0-9-]{0,31}$/;
const PROTOCOL = /^\d{1,9}(?:\.\d{1,9}){0,2}$/;
const SHA256 = /^[0-9a-f]{64}$/;

/**
 * `:namespace/:type/versions` of an upstream. Versions are as clients make them of what upstream says, each once; what clients cannot
 * read is left out, because one of those would fail the whole init. Null for what is no such document.
 */
export function decodeProviderVersions(document: Pick<UpstreamDocument, 'bytes'>): UpstreamVersions | null {
  const body = objectOf(document);
  if (body === null || !('versions' in body) || !isListOrNothing(body['versions'])) {
    return null;
  }
  const versions = new Map<string, ListedVersion>();
  for (const entry of objectsOf(body['versions'], MAX_VERSIONS)) {
    const version = canonicalVersion(textOf(entry['version']));
    if (version !== null && !versions.has(version)) {
      versions.set(version, { version, protocols: protocolsOf(entry), platforms: platformsOf(entry['platforms']) });
    }
  }
  return { versions: [...versions.values()], warnings: printableWarnings(textsOf(body['warnings'], MAX_WARNINGS)) };
}

/** `:namespace/:type/:version/download/:os/:arch` of an upstream; null for what is no such document, or lacks what a client needs. */
export function decodeProviderPackage(document: Pick<UpstreamDocument, 'bytes' | 'url'>): UpstreamPackage | null {
  const body = objectOf(document);
  if (body === null) {
    return null;
  }
  const platform = platformOf(body);
  const filename = textOf(body['filename']);
  const sha256 = textOf(body['shasum']).toLowerCase();
  const [archiveUrl, sumsUrl, signatureUrl] = ['download_url', 'shasums_url', 'shasums_signature_url'].map((key) => webUrlOf(body[key], document.url));
  if (platform === null || !isFilename(filename) || !SHA256.test(sha256) || !archiveUrl || !sumsUrl || !signatureUrl) {
    return null;
  }
  return { platform, protocols: protocolsOf(body), filename, sha256, archiveUrl, sumsUrl, signatureUrl, keys: keysOf(body['signing_keys']), all: allOf(body['packages']) };
}

/** No spaces: a client finds the name in SHA256SUMS by the spaces around it. */
function isFilename(text: string): boolean {
  return text.length <= 255 && text !== '.' && text !== '..' && /^[^\s/\\\p{Cc}]+$/u.test(text);
}

/** Go writes an empty list as null. */
function isListOrNothing(value: unknown): boolean {
  return value === null || Array.isArray(value);
}

/** Those that clients can read: one that they cannot fails the install. */
function protocolsOf(entry: Unknown): string[] {
  return textsOf(entry['protocols'], MAX_PROTOCOLS).filter((protocol) => PROTOCOL.test(protocol));
}

function platformOf(entry: Unknown): Platform | null {
  const [os, arch] = [textOf(entry['os']), textOf(entry['arch'])];
  return PLATFORM_PART.test(os) && PLATFORM_PART.test(arch) ? { os, arch } : null;
}

function platformsOf(value: unknown): Platform[] {
  const platforms = objectsOf(value, MAX_PLATFORMS).flatMap((entry) => platformOf(entry) ?? []);
  return [...new Map(platforms.map((platform) => [platformText(platform), platform])).values()];
}

function keysOf(value: unknown): SigningKey[] {
  const keys = objectsOf(asObject(value)?.['gpg_public_keys'], MAX_KEYS);
  return keys.map((key) => ({
    keyId: textOf(key['key_id']),
    asciiArmor: textOf(key['ascii_armor']),
    trustSignature: textOf(key['trust_signature']),
    source: textOf(key['source']),
    sourceUrl: textOf(key['source_url']),
  }));
}

function allOf(value: unknown): ArchiveHashes[] | null {
  const packages = Object.entries(asObject(value) ?? {}).slice(0, MAX_PLATFORMS);
  const archives = packages.flatMap(([name, entry]) => {
    const [os = '', arch = '', ...rest] = name.split('_');
    const platform = rest.length === 0 ? platformOf({ os, arch }) : null;
    const details = asObject(entry);
    return platform === null || details === null ? [] : [{ platform, hashes: hashesOf(details['hashes']), size: sizeOf(details['package_size']) }];
  });
  return archives.length === 0 ? null : archives;
}

/** A scheme and a value; clients refuse the whole document for one without. */
function hashesOf(value: unknown): string[] {
  return textsOf(value, MAX_HASHES).filter((hash) => /^[a-z0-9]{1,8}:[\x21-\x7e]{1,256}$/.test(hash));
}

function sizeOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : null;
}
