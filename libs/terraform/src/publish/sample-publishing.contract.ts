import { readdir, readlink, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';

import { isProxyError } from '@oci-package-proxy/errors';
import { MemoryRegistry } from '@oci-package-proxy/oci';
import { type Fold, Ledger } from '@oci-package-proxy/storage';
import { type ReleaseFile, signingKey, temporaryDirectory, type TestKey, uploadForm } from '@oci-package-proxy/testing';

import { NamespaceKeys } from '../keys/namespace-keys.ts';
import { type ProviderAddress, providerRef } from '../model/address.ts';
import { createSumsSigner, type SumsSigner } from '../signing/sums-signer.ts';
import { ProviderUploads, type ProviderUploadsOptions } from './provider-uploads.ts';
import type { UploadBody } from './publish-port.ts';

/** The host that everything is published under. */
export const OWN = 'registry.example.com';
/** A provider whose namespace has a registered key. */
export const DEMO: ProviderAddress = { host: OWN, namespace: 'acme', type: 'demo' };
/** A provider whose namespace has a key of its own here, and none that is registered. */
export const SIGNED: ProviderAddress = { ...DEMO, namespace: 'signed' };
/** Who publishes. */
export const CALL = { by: 'carol' };
/** The most that a file may have. */
export const LIMIT: number = 4 * 2 ** 20;

/** Everything that publishing is made of, on a registry in memory. */
export interface SamplePublishing {
  readonly directory: string;
  readonly registry: MemoryRegistry;
  readonly ledger: Ledger;
  readonly keys: NamespaceKeys;
  readonly uploads: ProviderUploads;
  readonly key: TestKey;
  readonly signer: SumsSigner;
  /** Milliseconds since the epoch; can be put forward. */
  now: number;
  /** Another replica on the same registry, with nothing cached. */
  replica(more?: Partial<ProviderUploadsOptions>): ProviderUploads;
  /** What is stored of a provider. */
  fold(address?: ProviderAddress): Promise<Fold>;
  /** Temporary files, and open ones. */
  left(): Promise<readonly string[]>;
  close(): Promise<void>;
}

// Making keys takes longer than any test.
const KEYS = Promise.all([signingKey({ kind: 'ed25519-legacy' }), signingKey({ kind: 'ed25519-legacy', name: 'Server' }), signingKey({ kind: 'ed25519-legacy', name: 'Stranger' })]);

/** A key that nobody registered. */
export async function strangersKey(): Promise<TestKey> {
  return (await KEYS)[2];
}

/** Starts it, with a key for `acme` and a signer for `signed`. */
export async function samplePublishing(more: Partial<ProviderUploadsOptions> = {}): Promise<SamplePublishing> {
  const [key, serverKey] = await KEYS;
  const directory = await temporaryDirectory('provider-uploads');
  const registry = new MemoryRegistry();
  const ledger = new Ledger({ registry });
  const keys = new NamespaceKeys({ ledger, own: OWN });
  const signer = await createSumsSigner({ armoredPrivateKey: serverKey.privateKey, passphrase: null });
  await keys.add(DEMO.namespace, key.publicKey, { by: 'admin' });
  const sample = { now: Date.UTC(2026, 0, 2, 3, 4, 5, 67) };
  const options: ProviderUploadsOptions = {
    ledger,
    keys,
    signerOf: (namespace) => (namespace === SIGNED.namespace ? signer : null),
    directory,
    limits: { publishBytes: LIMIT },
    originalAnnotations: false,
    clock: () => sample.now,
    ...more,
  };
  return Object.assign(sample, {
    directory,
    registry,
    ledger,
    keys,
    key,
    signer,
    uploads: new ProviderUploads(options),
    replica: (other: Partial<ProviderUploadsOptions> = {}) => {
      const cold = new Ledger({ registry });
      return new ProviderUploads({ ...options, ledger: cold, keys: new NamespaceKeys({ ledger: cold, own: OWN }), ...other });
    },
    fold: (address: ProviderAddress = DEMO) => new Ledger({ registry }).fold(providerRef(address), { fresh: true }),
    left: async () => {
      const open = await Promise.all((await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
      return [...(await readdir(directory)), ...open.filter((target) => target.startsWith(directory))];
    },
    close: () => rm(directory, { recursive: true, force: true }),
  });
}

/** The body of a form as curl sends it. */
export function formBody(files: readonly ReleaseFile[], fields: Readonly<Record<string, string>> = {}, nameOf?: (file: ReleaseFile) => string): UploadBody {
  const form = uploadForm(files, fields, nameOf);
  return { contentType: form.contentType, stream: form.stream() };
}

/** The body of one file as `curl -T` sends it. */
export function fileBody(file: ReleaseFile): UploadBody {
  return { contentType: 'application/octet-stream', stream: Readable.from(nonEmpty(file.pieces()), { objectMode: false }) };
}

/** An empty chunk would end a stream that is not in object mode. */
function* nonEmpty(pieces: Iterable<Buffer>): Iterable<Buffer> {
  for (const piece of pieces) {
    if (piece.length > 0) {
      yield piece;
    }
  }
}

/** Code and text of what a promise fails with. */
export async function failure(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    (value) => `answered ${JSON.stringify(value)}`,
    (reason: unknown) => reason,
  );
  return isProxyError(error) ? `${error.code} ${error.message}` : `no proxy error: ${String(error)}`;
}
