import { ProxyError } from '@oci-package-proxy/errors';
import { annotateRequest, type Gate, publicBase, type PlatformConfig, sendDocument, sendFile } from '@oci-package-proxy/platform';
import type { PackageRef } from '@oci-package-proxy/storage';

import { ABBREVIATED_TYPE, type Form } from '../documents/forms.ts';
import { packageRef } from '../package-name.ts';
import type { Attestations } from '../read/attestations.ts';
import type { PackageDocuments } from '../read/package-documents.ts';
import type { Tarball, Tarballs } from '../read/tarballs.ts';
import { acceptedForm } from './accepted-form.ts';
import { sendJson } from './json-answer.ts';
import { isQueried } from './request-path.ts';
import type { Exchange, Route } from './route-table.ts';

/** What {@link readRoutes} answers from. */
export interface ReadRoutesOptions {
  readonly gate: Gate;
  readonly documents: PackageDocuments;
  readonly tarballs: Tarballs;
  readonly attestations: Attestations;
  readonly config: Pick<PlatformConfig, 'publicUrl' | 'trustedProxies'>;
  readonly basePath: string;
  /** Told of every read, for metrics. Must not throw. */
  readonly onRead?: (kind: 'metadata' | 'file', result: 'hit' | 'miss') => void;
}

const READ = ['GET', 'HEAD'];

/** Documents and files: everything `npm install` asks for. */
export function readRoutes(options: ReadRoutesOptions): Route[] {
  const reader = new Reader(options);
  return [
    { methods: READ, pattern: '-/package/:pkg/dist-tags', handler: async (exchange) => reader.document(exchange, { kind: 'dist-tags' }) },
    { methods: READ, pattern: '-/npm/v1/attestations/:pkg', handler: async (exchange) => reader.attestations(exchange) },
    { methods: READ, pattern: ':pkg/-/*file', handler: async (exchange) => reader.tarball(exchange) },
    { methods: READ, pattern: ':pkg', handler: async (exchange) => reader.document(exchange, { kind: acceptedForm(exchange.request.headers.accept) }) },
    { methods: READ, pattern: ':pkg/:version', handler: async (exchange) => reader.document(exchange, { kind: 'version', version: exchange.params['version'] ?? '' }) },
  ];
}

class Reader {
  readonly #options: ReadRoutesOptions;

  constructor(options: ReadRoutesOptions) {
    this.#options = options;
  }

  async document({ request, reply, who, params }: Exchange, form: Form): Promise<void> {
    const { gate, documents, config, basePath } = this.#options;
    const ref = this.#ref(params['pkg'] ?? '');
    await gate.authorize(who, 'read', ref.name);
    const base = publicBase(request, config, basePath);
    const document = await documents.get(ref, { form, base, fresh: isQueried(request.originalUrl, 'write') });
    if (document === null) {
      throw notFound(ref, form);
    }
    this.#options.onRead?.('metadata', 'hit');
    await sendDocument(reply, request, {
      bytes: document.bytes,
      gzip: document.gzip,
      etag: document.revision,
      contentType: form.kind === 'abbreviated' ? ABBREVIATED_TYPE : 'application/json',
      headers: { ...this.#headers(ref, 'no-cache'), vary: this.#vary(ref) },
    });
  }

  async tarball({ request, reply, who, params }: Exchange): Promise<void> {
    const { gate, tarballs } = this.#options;
    const ref = this.#ref(params['pkg'] ?? '');
    const path = params['file'] ?? '';
    const file = path.slice(path.lastIndexOf('/') + 1);
    await gate.authorize(who, 'read', ref.name);
    const found = await tarballs.find(ref, file);
    if (found === null) {
      throw new ProxyError('not-found', `${ref.name} has no file ${JSON.stringify(file.slice(0, 200))}.`);
    }
    annotateRequest({ version: found.version, cache: found.cache });
    this.#options.onRead?.('file', found.cache);
    // A condition may be answered without the file, and HEAD always is.
    const isLazy = request.method === 'HEAD' || request.headers['if-none-match'] !== undefined || request.headers['if-match'] !== undefined;
    const tarball: Tarball = isLazy ? found : await found.start();
    await sendFile(reply, {
      size: tarball.size,
      etag: tarball.etag,
      contentType: 'application/octet-stream',
      headers: { ...this.#headers(ref, 'max-age=31536000, immutable'), ...(gate.isPublic(ref.name) ? {} : { vary: 'Authorization' }) },
      ranges: found.cache === 'hit' ? 'any' : 'suffix',
      open: async (range, signal) => tarball.open(range, signal),
    }, request);
  }

  async attestations({ reply, who, params }: Exchange): Promise<void> {
    const spec = params['pkg'] ?? '';
    const at = spec.lastIndexOf('@');
    const ref = this.#ref(at > 0 ? spec.slice(0, at) : spec);
    await this.#options.gate.authorize(who, 'read', ref.name);
    const found = at > 0 ? await this.#options.attestations.of(ref, spec.slice(at + 1)) : null;
    if (found === null) {
      throw new ProxyError('not-found', `${spec} has no attestations.`);
    }
    await sendJson(reply, found);
  }

  #ref(name: string): PackageRef {
    const ref = packageRef(name);
    annotateRequest({ ecosystem: ref.ecosystem, package: ref.name });
    return ref;
  }

  #headers(ref: PackageRef, policy: string): Record<string, string> {
    return { 'cache-control': `${this.#options.gate.isPublic(ref.name) ? 'public' : 'private'}, ${policy}` };
  }

  #vary(ref: PackageRef): string {
    return this.#options.gate.isPublic(ref.name) ? 'Accept, Accept-Encoding' : 'Accept, Accept-Encoding, Authorization';
  }
}

function notFound({ name }: PackageRef, form: Form): ProxyError {
  return new ProxyError('not-found', form.kind === 'version' ? `${name} has no version ${JSON.stringify(form.version.slice(0, 100))}, or there is no such package.` : `There is no package ${name}.`);
}
