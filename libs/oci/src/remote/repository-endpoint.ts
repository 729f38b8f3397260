import { ProxyError } from '@oci-package-proxy/errors';

import { isDigest } from '../model/digest.ts';
import { isRepositoryName, isTag } from '../model/grammar.ts';
import type { Action } from './auth/scope.ts';
import type { RegistryRequest } from './http/exchange.ts';
import type { RegistryClient } from './http/registry-client.ts';
import type { Semaphore } from './http/semaphore.ts';
import type { KnownBlobs } from './known-blobs.ts';
import type { LearnedDeletes } from './profile/learned-deletes.ts';
import type { RegistryProfile } from './profile/registry-profile.ts';

/** What a request to a repository's endpoint is made of. */
export type EndpointRequest = Omit<RegistryRequest, 'url' | 'access' | 'subject'> & {
  /** Below `/v2/<name>/`, or a whole URL that the registry named. */
  readonly path: string | URL;
  /** Operation and subject within the repository, such as `reading tag 1.0.0`. */
  readonly operation: string;
  readonly actions: readonly Action[];
  /** Full name of another repository that is read besides. */
  readonly readsToo?: string;
};

/** Reads only. */
export const PULL: readonly Action[] = ['pull'];
/** Giving an upload up, which distribution takes for a deletion. */
export const CANCEL: readonly Action[] = ['delete', 'pull', 'push'];
/** Every request of a write, also the reads that go with it: they share one token. */
export const PUSH: readonly Action[] = ['pull', 'push'];

/** What all repositories of one registry share. */
export interface RegistryParts {
  readonly client: RegistryClient;
  /** Bodies of blobs that are being read. */
  readonly downloads: Semaphore;
  readonly knownBlobs: KnownBlobs;
  readonly profile: RegistryProfile;
  readonly learnedDeletes: LearnedDeletes;
}

/** One repository of a registry: builds its requests and names it in error texts. */
export class RepositoryEndpoint implements RegistryParts {
  readonly name: string;
  readonly client: RegistryClient;
  readonly downloads: Semaphore;
  readonly knownBlobs: KnownBlobs;
  readonly profile: RegistryProfile;
  readonly learnedDeletes: LearnedDeletes;

  /** @throws ProxyError `invalid` when `name` is no repository name. */
  constructor(name: string, parts: RegistryParts) {
    if (!isRepositoryName(name)) {
      throw new ProxyError('invalid', `repository ${JSON.stringify(name.slice(0, 255))}: not a repository name`);
    }
    this.name = name;
    this.client = parts.client;
    this.downloads = parts.downloads;
    this.knownBlobs = parts.knownBlobs;
    this.profile = parts.profile;
    this.learnedDeletes = parts.learnedDeletes;
  }

  /** The request, complete. */
  request(parts: EndpointRequest): RegistryRequest {
    const { path, operation, actions, readsToo, ...rest } = parts;
    const url = typeof path === 'string' ? new URL(`/v2/${this.name}/${path}`, this.client.registry) : path;
    return { ...rest, url, subject: this.subject(operation), access: { repository: this.name, actions, ...(readsToo === undefined ? {} : { readsToo }) } };
  }

  /** `operation` with the repository, for error texts. */
  subject(operation: string): string {
    return `${operation} in ${this.name}`;
  }
}

/** @throws ProxyError `invalid` when `reference` is neither a tag nor a digest: it becomes part of a path. */
export function checkReference(reference: string, endpoint: RepositoryEndpoint): void {
  if (!isTag(reference) && !isDigest(reference)) {
    throw new ProxyError('invalid', `${JSON.stringify(reference.slice(0, 200))} in ${endpoint.name}: neither a tag nor a sha256 digest`);
  }
}
