import { LRUCache } from 'lru-cache';

import { ProxyError } from '@oci-package-proxy/errors';

import type { TerraformUpstream } from '../config/hosts.ts';
import { decodeProviderPackage, decodeProviderVersions, type UpstreamPackage, type UpstreamVersions } from '../documents/upstream-provider.ts';
import { type ProviderAddress, providerText } from '../model/address.ts';
import { type ListedVersion, type Platform, platformText } from '../model/provider.ts';
import type { ReadCall } from '../read/read-port.ts';
import { type Decoded, DecodedDocuments, LIST_MAX_AGE_MS } from './decoded-documents.ts';
import type { UpstreamRegistries } from './upstream-registry.ts';

const JSON_TYPE = 'application/json';

/** A provider and the registry that it is asked of. */
export interface UpstreamSubject {
  readonly upstream: TerraformUpstream;
  readonly address: ProviderAddress;
}

/** Providers as upstream registries list and describe them: https://developer.hashicorp.com/terraform/internals/provider-registry-protocol */
export class UpstreamProviders {
  readonly #registries: UpstreamRegistries;
  readonly #lists = new DecodedDocuments<UpstreamVersions>({ what: 'list of versions of a provider', accept: JSON_TYPE, decode: decodeProviderVersions, maxAgeMs: LIST_MAX_AGE_MS });
  /** Versions for which the list was looked at a moment ago: what upstream took back is never in it. */
  readonly #caughtUp = new LRUCache<string, true>({ max: 1000, ttl: LIST_MAX_AGE_MS });
  readonly #packages = new DecodedDocuments<UpstreamPackage>({ what: 'description of a package of a provider', accept: JSON_TYPE, decode: decodeProviderPackage });

  constructor(registries: UpstreamRegistries) {
    this.#registries = registries;
  }

  /**
   * What upstream lists; null when it does not know the provider.
   * @param call `has`: whether a list has what is looked for; one that does not is asked for once more, unless it is of this very moment.
   * @throws ProxyError as `UpstreamDocuments.get`; never `not-found`.
   */
  async versions(subject: UpstreamSubject, { has = () => true, ...call }: ReadCall & { readonly has?: (list: UpstreamVersions) => boolean } = {}): Promise<Decoded<UpstreamVersions> | null> {
    const url = await this.#url(subject, ['versions'], call);
    return url === null ? null : this.#lists.getWith(subject.upstream, url, { ...call, has });
  }

  /**
   * A version as upstream lists it; null when it lists none of that name, which is never said from an old list.
   * @throws ProxyError as {@link versions}; `upstream-unavailable` too when only an old list is there, which does not have it.
   */
  async listed(subject: UpstreamSubject, version: string, call: ReadCall = {}): Promise<ListedVersion | null> {
    const find = ({ versions }: UpstreamVersions): ListedVersion | null => versions.find((candidate) => candidate.version === version) ?? null;
    const list = await this.versions(subject, { ...call, has: (value) => find(value) !== null });
    const found = list === null ? null : find(list.value);
    if (found === null && list?.stale === true) {
      throw new ProxyError('upstream-unavailable', `${providerText(subject.address)} ${version}: not known here, and upstream cannot be asked now. Try again later.`);
    }
    return found;
  }

  /**
   * One platform of a version; null when upstream does not have it.
   * @throws ProxyError as {@link versions}; `upstream-unavailable` too for a description of another platform.
   */
  async package(subject: UpstreamSubject, { version, platform }: { readonly version: string; readonly platform: Platform }, call: ReadCall = {}): Promise<Decoded<UpstreamPackage> | null> {
    const url = await this.#url(subject, [version, 'download', platform.os, platform.arch], call);
    const found = url === null ? null : await this.#packages.get(subject.upstream, url, call);
    if (found !== null && platformText(found.value.platform) !== platformText(platform)) {
      throw new ProxyError('upstream-unavailable', `${providerText(subject.address)} ${version}: upstream describes ${platformText(found.value.platform)} when it is asked for ${platformText(platform)}. Report it to who runs it.`);
    }
    if (found !== null) {
      this.#catchUp(subject, version).catch(() => undefined);
    }
    return found;
  }

  /** Clients choose from the list alone: it is asked for again when something turns up that is not in it. */
  async #catchUp(subject: UpstreamSubject, version: string): Promise<void> {
    const key = `${providerText(subject.address)} ${version}`;
    if (this.#caughtUp.get(key) === true) {
      return;
    }
    this.#caughtUp.set(key, true);
    const list = await this.versions(subject);
    if (list !== null && !list.value.versions.some((listed) => listed.version === version)) {
      await this.versions(subject, { fresh: true });
    }
  }

  async #url({ upstream, address }: UpstreamSubject, path: readonly string[], call: ReadCall): Promise<string | null> {
    const base = await this.#registries.providersBase(upstream, call);
    return base === null ? null : new URL([address.namespace, address.type, ...path].map(encodeSegment).join('/'), base).href;
  }
}

// Clients leave the `+` of build metadata as it is, and some stores tell it from `%2B`.
function encodeSegment(text: string): string {
  return encodeURIComponent(text).replaceAll('%2B', '+');
}
