import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { inspect } from 'node:util';

import { type Interceptor, type ScriptedHandler, type ScriptedRegistry, type ScriptedServer, startScriptedRegistry, startScriptedServer } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { digestOf } from '../model/digest.ts';
import { INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE, type ManifestBytes } from '../model/manifest.ts';
import type { BlobSource, Repository, TagDeleter } from '../ports/repository.ts';
import { staticCredentials } from './auth/credentials.ts';
import { RemoteRegistry, type RemoteRegistryOptions } from './remote-registry.ts';

/**
 * What a registry does to us, line by line of issue 5, and the spec that plays it. `hostile-table.spec.ts` fails when a line has
 * no test there. Of every test the failures, warnings, and requests to other hosts are searched for the secrets below.
 */
export const HOSTILE_LINES = {
  '401 in mid-upload': 'uploads',
  'relative Location': 'uploads',
  'absolute Location': 'uploads',
  'cross-host Location': 'uploads',
  '307 to another origin': 'uploads',
  '201 that was not applied': 'uploads',
  'lost concurrent first push': 'uploads',
  'short body': 'answers',
  'wrong digest': 'answers',
  'wrong Content-Type': 'answers',
  '404 of a gateway': 'answers',
  '409 and 412 where no tag is put': 'answers',
  '429 with a Retry-After that is too long': 'answers',
  '429 without Retry-After': 'answers',
  '429 with Retry-After in seconds': 'answers',
  '429 with Retry-After as a date': 'answers',
  '4xx for good': 'answers',
  '5xx bursts': 'answers',
  'hanging connections': 'answers',
  'a manifest over 4 MiB': 'answers',
  'gzip-coded answers': 'answers',
  'Warning headers': 'answers',
  'tag list unsorted': 'tags',
  'tag list duplicated': 'tags',
  'tag list truncated': 'tags',
  'tag list null': 'tags',
  '404 mid-pagination': 'tags',
  '404 for a tag just listed': 'tags',
} as const satisfies Record<string, 'uploads' | 'answers' | 'tags'>;

/** One of {@link HOSTILE_LINES}. */
export type HostileLine = keyof typeof HOSTILE_LINES;

/** In the password, in tokens, and in presigned URLs. */
export const SECRET = 'hunter2';
export const BASIC = `Basic ${Buffer.from(`robot:${SECRET}`).toString('base64')}`;
export const BYTES = Buffer.from('the bytes of a file');

/** A registry that wants Basic authentication, and misbehaves as a test says. */
export class HostileRegistry {
  readonly server: ScriptedRegistry;
  readonly warnings: string[] = [];
  readonly #opened: RemoteRegistry[] = [];
  readonly #others: ScriptedServer[] = [];
  readonly #failures: unknown[] = [];

  constructor(server: ScriptedRegistry) {
    this.server = server;
    this.misbehave(() => false);
  }

  /** Asks `interceptor` about every request that carries our credential; the others get a 401. */
  misbehave(interceptor: Interceptor): void {
    this.server.intercept((request, response) => {
      if (request.headers.authorization === BASIC) {
        return interceptor(request, response);
      }
      response.writeHead(401, { 'www-authenticate': 'Basic realm="registry"' }).end();
      return true;
    });
  }

  /** `team/pkg/a`. */
  repository(options: Partial<RemoteRegistryOptions> = {}): Repository & TagDeleter {
    const registry = new RemoteRegistry({
      url: `${this.server.url}/team`,
      credentials: staticCredentials('robot', SECRET),
      retry: { attempts: 3, baseMs: 5 },
      onWarning: (text) => this.warnings.push(text),
      ...options,
    });
    this.#opened.push(registry);
    return registry.repository('pkg/a');
  }

  /** Another host, which must get no credential. */
  async elsewhere(handler: ScriptedHandler): Promise<ScriptedServer> {
    const server = await startScriptedServer(handler);
    this.#others.push(server);
    return server;
  }

  /** What `work` fails with; a success is an error. */
  async failure(work: Promise<unknown>): Promise<{ readonly code: string; readonly message: string; readonly retryAfterMs?: number }> {
    const failed: unknown = await work.then(() => expect.fail('should have failed'), (error: unknown) => error);
    this.#failures.push(failed);
    return failed as { code: string; message: string };
  }

  /** Methods and paths of the requests that carried our credential. */
  sent(method?: string): readonly string[] {
    const known = this.server.requests.filter((request) => request.headers.authorization === BASIC && (method === undefined || request.method === method));
    return known.map((request) => `${request.method} ${request.url}`);
  }

  /** @throws when a secret is where it must not be. */
  checkSecrets(): void {
    const shown = [...this.#failures.map((error) => inspect(error, { depth: Infinity })), ...this.warnings];
    // The credential of ours; a presigned URL is that host's own, and is asked for as it is.
    const foreign = this.#others.flatMap((other) => other.requests.map((request) => inspect(request.headers)));
    for (const text of [...shown, ...foreign]) {
      expect(text).not.toContain(SECRET);
      expect(text).not.toContain(BASIC.slice('Basic '.length));
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#opened.map((registry) => registry.close()));
    await Promise.all([this.server, ...this.#others].map((server) => server.stop()));
  }
}

/** A test of one line, on a registry of its own. */
export function hostile(line: HostileLine, what: string, test: (registry: HostileRegistry) => Promise<void>): void {
  it(`${line}: ${what}`, async () => test(current ?? expect.fail()));
}

let current: HostileRegistry | null = null;

/** Starts and ends the registry of each test, and looks for secrets after it. */
export function useHostileRegistry(): void {
  beforeEach(async () => {
    current = new HostileRegistry(await startScriptedRegistry());
  });
  afterEach(async () => {
    const registry = current;
    current = null;
    await registry?.close();
    registry?.checkSecrets();
  });
}

/** Expects an error text that names operation, repository and side. */
export function expectNamed(error: { readonly message: string }, operation: string): void {
  expect(error.message).toMatch(new RegExp(`${operation}.* (?:in|of) team/pkg/a`));
  expect(error.message).toMatch(/127\.0\.0\.1:\d+|the registry/);
}

export function blob(bytes: Buffer): BlobSource {
  return { digest: digestOf(bytes), size: bytes.length, open: () => Readable.from([bytes]) };
}

export function manifest(annotations: Record<string, string> = {}): ManifestBytes {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST_MEDIA_TYPE, annotations }));
  return { mediaType: MANIFEST_MEDIA_TYPE, digest: digestOf(bytes), bytes };
}

/** An index of `children`. */
export function index(...children: readonly ManifestBytes[]): ManifestBytes {
  const manifests = children.map(({ mediaType, digest, bytes: { length } }) => ({ mediaType, digest, size: length }));
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: INDEX_MEDIA_TYPE, manifests }));
  return { mediaType: INDEX_MEDIA_TYPE, digest: digestOf(bytes), bytes };
}

export async function contentOf(repository: Repository, bytes: Buffer): Promise<Buffer | null> {
  const body = await repository.readBlob(digestOf(bytes));
  return body === null ? null : buffer(body.stream);
}

export async function tagsOf(repository: Repository): Promise<readonly string[]> {
  const tags: string[] = [];
  for await (const page of repository.listTags()) {
    tags.push(...page);
  }
  return tags;
}
