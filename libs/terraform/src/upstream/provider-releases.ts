import { createHash } from 'node:crypto';

import { LRUCache } from 'lru-cache';

import { isProxyError, ProxyError } from '@oci-package-proxy/errors';

import type { UpstreamPackage } from '../documents/upstream-provider.ts';
import { providerText } from '../model/address.ts';
import { type Platform, platformText } from '../model/provider.ts';
import type { ReadCall } from '../read/read-port.ts';
import { binarySignature, signersOf } from '../signing/sums-signature.ts';
import { DecodedDocuments } from './decoded-documents.ts';
import { decodeSignature, decodeSums, type ReleaseFile, releaseFile, type ReleaseSums } from './release-files.ts';
import { isUpstreamFailure } from './upstream-failure.ts';
import type { UpstreamProviders, UpstreamSubject } from './upstream-providers.ts';

/** Bytes of the releases that are kept. */
const MAX_BYTES = 32 * 2 ** 20;
/** A release is what it is: within this time (ms) its files are not asked for again, unless upstream announces something that does not fit them. */
const TRUST_MS = 60 * 60_000;
const MAX_ALARMS = 2000;

/** What the platforms of a version share, checked: the sums are signed by a key that upstream announces, unless it announces none. */
export interface ProviderRelease {
  readonly sums: ReleaseSums;
  /** Binary. Empty where upstream has none, which it may only where it announces no keys. */
  readonly signature: ReleaseFile;
}

/** One platform of a version at upstream, with the release that it is of. */
export interface DescribedPackage {
  readonly found: UpstreamPackage;
  readonly release: ProviderRelease;
  /** True when upstream could not be asked, and this is the last that it said. */
  readonly stale: boolean;
}

/** Which platform of which version. */
export interface WantedPackage {
  readonly version: string;
  readonly platform: Platform;
}

/** What {@link ProviderReleases} needs. */
export interface ProviderReleasesOptions {
  readonly providers: Pick<UpstreamProviders, 'package'>;
  readonly logger: { error(fields: Readonly<Record<string, unknown>>, message: string): void };
}

interface Known {
  readonly described: DescribedPackage;
  /** Of the keys that it was checked with. */
  readonly keys: string;
  /** When it was checked, ms since the epoch. */
  readonly at: number;
}

type Checked = { readonly release: ProviderRelease; readonly fault: null } | { readonly fault: Fault };

interface Fault {
  readonly text: string;
  /** Whether somebody may have tampered with the release. */
  readonly alarming: boolean;
}

/** The releases of upstream, vouched for: nothing of a version is shown or served before its sums and their signature fit together. */
export class ProviderReleases {
  readonly #options: ProviderReleasesOptions;
  readonly #sums = new DecodedDocuments<ReleaseSums>({ what: 'SHA256SUMS', accept: 'text/plain, */*;q=0.5', decode: decodeSums });
  readonly #signatures = new DecodedDocuments<Buffer>({ what: 'signature of SHA256SUMS', accept: 'application/octet-stream, */*;q=0.5', decode: decodeSignature });
  /** By upstream, provider and version. */
  readonly #known = new LRUCache<string, Known>({ maxSize: MAX_BYTES, sizeCalculation: sizeOf });
  readonly #alarms = new LRUCache<string, true>({ max: MAX_ALARMS });

  constructor(options: ProviderReleasesOptions) {
    this.#options = options;
  }

  /** Any platform of a version whose release was checked not long ago. Asks nobody. */
  known(subject: UpstreamSubject, version: string): DescribedPackage | null {
    const known = this.#known.get(keyOf(subject, version));
    return known !== undefined && Date.now() - known.at < TRUST_MS ? known.described : null;
  }

  /**
   * A platform of a version and its release; null when upstream does not have the platform.
   * @throws ProxyError as `UpstreamProviders.package`; `upstream-unavailable` too where files of the release are not there, or do not fit
   * together: what they are is logged then, and none of it is served.
   */
  async describe(subject: UpstreamSubject, wanted: WantedPackage, call: ReadCall = {}): Promise<DescribedPackage | null> {
    const first = await this.#described(subject, wanted, call);
    if (first === null || first.fault === null) {
      return first;
    }
    // One of the documents may be older than the others.
    const now = call.fresh === true ? first : await this.#described(subject, wanted, { ...call, fresh: true });
    if (now === null || now.fault === null) {
      return now;
    }
    throw this.#refusal(subject, wanted, now);
  }

  async #described(subject: UpstreamSubject, wanted: WantedPackage, call: ReadCall): Promise<(Checked & Pick<DescribedPackage, 'found' | 'stale'>) | null> {
    const document = await this.#options.providers.package(subject, wanted, call);
    if (document === null) {
      return null;
    }
    const { value: found, stale } = document;
    return { found, stale, ...(await this.#checked(subject, { found, version: wanted.version }, call)) };
  }

  async #checked(subject: UpstreamSubject, { found, version }: { readonly found: UpstreamPackage; readonly version: string }, call: ReadCall): Promise<Checked> {
    const key = keyOf(subject, version);
    const known = this.#known.get(key);
    const fits = known !== undefined && known.keys === keysOf(found) && faultOfLine(known.described.release.sums, found) === null;
    if (fits && call.fresh !== true && Date.now() - known.at < TRUST_MS) {
      return { release: known.described.release, fault: null };
    }
    try {
      const checked = await this.#fetched(subject, found, call);
      if (checked.fault === null) {
        this.#known.set(key, { described: { found, release: checked.release, stale: false }, keys: keysOf(found), at: Date.now() });
      }
      return checked;
    } catch (error) {
      if (fits && isUpstreamFailure(error)) {
        return { release: known.described.release, fault: null };
      }
      throw error;
    }
  }

  async #fetched({ upstream }: UpstreamSubject, found: UpstreamPackage, call: ReadCall): Promise<Checked> {
    const isSigned = found.keys.length > 0;
    const signing = this.#signatures.get(upstream, found.signatureUrl, call).catch((error: unknown) => {
      if (isSigned || !isUpstreamFailure(error)) {
        throw error;
      }
      return null;
    });
    const [sums, signature] = await Promise.all([this.#sums.get(upstream, found.sumsUrl, call), signing]);
    if (sums === null || (signature === null && isSigned)) {
      return { fault: { text: `upstream has no ${sums === null ? 'SHA256SUMS' : 'signature of SHA256SUMS'} where it says that it is`, alarming: false } };
    }
    const fault = faultOfLine(sums.value, found);
    if (fault !== null) {
      return { fault };
    }
    const binary = await binaryOf(signature?.value ?? Buffer.alloc(0));
    const signers = isSigned && binary !== null ? await signersOf({ sums: sums.value.bytes, signature: binary, keys: found.keys, takesExpired: true }) : [];
    if (isSigned && signers.length === 0) {
      return { fault: { text: 'none of the keys that upstream announces made the signature of SHA256SUMS', alarming: true } };
    }
    return { release: { sums: sums.value, signature: releaseFile(binary ?? Buffer.alloc(0)) }, fault: null };
  }

  #refusal({ upstream, address }: UpstreamSubject, { version, platform }: WantedPackage, { found, fault }: { readonly found: UpstreamPackage; readonly fault: Fault }): ProxyError {
    const subject = `${providerText(address)} ${version} for ${platformText(platform)}`;
    const key = JSON.stringify([upstream.host, subject, found.sha256, fault.text]);
    if (fault.alarming && !this.#alarms.has(key)) {
      this.#alarms.set(key, true);
      this.#options.logger.error({ package: providerText(address), version, platform: platformText(platform), upstream: upstream.host, announced: found.sha256, fault: fault.text }, 'a release of upstream does not fit together: nothing of it is served');
    }
    return new ProxyError('upstream-unavailable', `${subject}: ${fault.text}. Nothing of it is served before that is so. Report it to who runs ${upstream.host}.`);
  }
}

/** What is wrong with the line of a package in the sums; null: nothing. */
function faultOfLine({ files }: ReleaseSums, { filename, sha256 }: UpstreamPackage): Fault | null {
  const listed = files.get(filename);
  if (listed === sha256) {
    return null;
  }
  return listed === undefined ? { text: 'SHA256SUMS does not name the archive', alarming: false } : { text: 'SHA256SUMS has another digest of the archive than upstream announces', alarming: true };
}

/** Null for what is no signature after all. */
async function binaryOf(signature: Buffer): Promise<Buffer | null> {
  try {
    return signature.length === 0 ? signature : await binarySignature(signature);
  } catch (error) {
    if (!isProxyError(error)) {
      throw error;
    }
    return null;
  }
}

function sizeOf({ described: { found, release } }: Known): number {
  const announced = (found.all?.length ?? 0) * 512 + found.keys.reduce((size, { asciiArmor }) => size + asciiArmor.length, 0);
  return Math.min(MAX_BYTES, 3 * release.sums.bytes.length + release.signature.bytes.length + announced + 1024);
}

function keysOf({ keys }: UpstreamPackage): string {
  return createHash('sha256').update(JSON.stringify(keys)).digest('hex');
}

function keyOf({ upstream, address }: UpstreamSubject, version: string): string {
  return `${upstream.host} ${providerText(address)} ${version}`;
}
