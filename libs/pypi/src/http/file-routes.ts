import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';

import { ProxyError } from '@oci-package-proxy/errors';
import { annotateRequest, sendDocument, sendFile } from '@oci-package-proxy/platform';

import { versionOfFilename } from '../names/filename.ts';
import { canonicalVersion } from '../names/version.ts';
import type { ProjectReader, ServedBytes } from '../read/read-port.ts';
import { cacheHeaders, READ, readableName, type ReadContext } from './read-context.ts';
import type { IndexExchange, Route } from './exchange.ts';

const BINARY = 'application/octet-stream';
/** PEP 740. */
const PROVENANCE = 'application/vnd.pypi.integrity.v1+json';
// What stands under a file's name never changes, as long as the public index says so in its own answers.
const FOREVER = 'max-age=365000000, immutable';
const METADATA = '.metadata';
const PROVENANCE_SUFFIX = '.provenance';

type FileReader = Pick<ProjectReader, 'file' | 'metadata' | 'provenance'>;

/** Files, and beside each its core metadata (PEP 658) and its provenance (PEP 740), which is also where the public index has it. */
export function fileRoutes(context: ReadContext, reader: FileReader): Route<IndexExchange>[] {
  const files = new Files(context, reader);
  return [
    { methods: READ, pattern: 'files/:name/:file', handler: async (exchange) => files.answer(exchange) },
    { methods: READ, pattern: 'integrity/:name/:version/:file/provenance', handler: async (exchange) => files.integrity(exchange) },
  ];
}

class Files {
  readonly #context: ReadContext;
  readonly #reader: FileReader;

  constructor(context: ReadContext, reader: FileReader) {
    this.#context = context;
    this.#reader = reader;
  }

  async answer(exchange: IndexExchange): Promise<void> {
    const name = await readableName(exchange, this.#context.gate);
    const filename = exchange.params['file'] ?? '';
    if (filename.endsWith(METADATA)) {
      await this.#metadata(exchange, name, filename.slice(0, -METADATA.length));
    } else if (filename.endsWith(PROVENANCE_SUFFIX)) {
      await this.#provenance(exchange, name, filename.slice(0, -PROVENANCE_SUFFIX.length));
    } else {
      await this.#file(exchange, name, filename);
    }
  }

  async integrity(exchange: IndexExchange): Promise<void> {
    const name = await readableName(exchange, this.#context.gate);
    const { file = '', version = '' } = exchange.params;
    const actual = versionOfFilename(file, name);
    if (actual !== null && canonicalVersion(actual) !== canonicalVersion(version)) {
      throw new ProxyError('not-found', `${quoted(file)} is no file of version ${quoted(version)} of ${name}.`);
    }
    await this.#provenance(exchange, name, file);
  }

  async #file({ request, reply, index }: IndexExchange, name: string, filename: string): Promise<void> {
    const { gate, onRead } = this.#context;
    const found = await this.#reader.file(index, name, filename);
    if (found === null) {
      throw new ProxyError('not-found', `${name} has no file ${quoted(filename)}.`);
    }
    annotateRequest({ ...(found.version === null ? {} : { version: found.version }), cache: found.cache });
    onRead?.('file', found.cache);
    // A condition that holds may be answered without the file, and HEAD always is. Otherwise its size, and without a digest its tag, are known by then.
    const isHead = request.method === 'HEAD';
    const file = isHead || isNamed(request.headers, found.etag) ? found : await found.start();
    await sendFile(reply, {
      size: file.size,
      etag: file.etag,
      contentType: BINARY,
      headers: cacheHeaders(gate, name, FOREVER),
      ranges: rangesOf(found.cache, isHead),
      open: async (range, signal) => file.open(range, signal),
    }, request);
  }

  async #metadata({ request, reply, index }: IndexExchange, name: string, filename: string): Promise<void> {
    const { gate, onRead } = this.#context;
    const found = await this.#reader.metadata(index, name, filename);
    if (found === null) {
      throw new ProxyError('not-found', `${name} has no file ${quoted(filename)} with core metadata that could be served.`);
    }
    onRead?.('metadata', 'hit');
    await sendFile(reply, { ...bodyOf(found), contentType: BINARY, headers: cacheHeaders(gate, name, FOREVER) }, request);
  }

  async #provenance({ request, reply, index }: IndexExchange, name: string, filename: string): Promise<void> {
    const { gate, onRead } = this.#context;
    const found = await this.#reader.provenance(index, name, filename);
    if (found === null) {
      throw new ProxyError('not-found', `${name} has no file ${quoted(filename)} with provenance.`);
    }
    onRead?.('metadata', 'hit');
    await sendDocument(reply, request, { bytes: found.bytes, etag: found.etag, contentType: PROVENANCE, headers: cacheHeaders(gate, name, 'no-cache') });
  }
}

/**
 * A file that is only on its way has no parts but its end. HEAD then says that there are no ranges: lazy wheels ask by it, and take the
 * 200 that the middle of such a file would be answered with for that part.
 */
function rangesOf(cache: 'hit' | 'miss', isHead: boolean): 'any' | 'suffix' | 'none' {
  if (cache === 'hit') {
    return 'any';
  }
  return isHead ? 'none' : 'suffix';
}

function isNamed(headers: IncomingHttpHeaders, etag: string): boolean {
  const tags = `${headers['if-none-match'] ?? ''},${headers['if-match'] ?? ''}`;
  return tags.includes('*') || tags.includes(`"${etag}"`);
}

function bodyOf({ bytes, etag }: ServedBytes): Pick<Parameters<typeof sendFile>[1], 'size' | 'etag' | 'open'> {
  return {
    size: bytes.length,
    etag,
    open: async (range) => Promise.resolve(Readable.from([range === undefined ? bytes : bytes.subarray(range.start, range.end + 1)], { objectMode: false })),
  };
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 200));
}
