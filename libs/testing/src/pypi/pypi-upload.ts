import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';

import type { BigFile } from './big-wheel.ts';
import type { PackageFile } from './wheel-file.ts';

/** The clients whose way of writing an upload is known; `content-first` is nobody's, and allowed all the same. */
export type UploadClient = 'twine' | 'uv' | 'poetry' | 'pdm' | 'hatch' | 'flit' | 'content-first';

/** What is uploaded, and how. */
export interface PypiUploadOptions {
  readonly file: PackageFile | BigFile;
  readonly client?: UploadClient;
  /** In place of what the client would send, by field; null leaves the field out. */
  readonly fields?: Readonly<Record<string, string | readonly string[] | null>>;
  /** In place of the file's own name. */
  readonly filename?: string;
  /** PEP 740: sent as a JSON array, where the client puts it. */
  readonly attestations?: readonly unknown[];
}

/** A whole upload in memory. */
export interface PypiUploadBody {
  readonly contentType: string;
  readonly body: Buffer;
}

/** An upload of a file of any size. */
export interface PypiUploadStream {
  readonly contentType: string;
  /** Bytes of the body. */
  readonly length: number;
  readonly body: Readable;
}

const BOUNDARY = '--------------------------e2e0123456789abcdef';

/** The `multipart/form-data` body of an upload of a small file, its parts in the order of `client` (twine's when absent). */
export function pypiUploadBody(options: Omit<PypiUploadOptions, 'file'> & { readonly file: PackageFile }): PypiUploadBody {
  const { head, tail } = envelope(options);
  return { contentType: contentType(), body: Buffer.concat([head, options.file.bytes, tail]) };
}

/** The same for a file on disk, as a stream. */
export function pypiUploadStream(options: Omit<PypiUploadOptions, 'file'> & { readonly file: BigFile }): PypiUploadStream {
  const { head, tail } = envelope(options);
  return {
    contentType: contentType(),
    length: head.length + options.file.size + tail.length,
    body: Readable.from(pieces(head, options.file.path, tail), { objectMode: false }),
  };
}

async function* pieces(head: Buffer, path: string, tail: Buffer): AsyncIterable<Buffer> {
  yield head;
  yield* createReadStream(path) as AsyncIterable<Buffer>;
  yield tail;
}

function contentType(): string {
  return `multipart/form-data; boundary=${BOUNDARY}`;
}

/** What stands before and after the file's bytes. */
function envelope(options: PypiUploadOptions): { head: Buffer; tail: Buffer } {
  const client = options.client ?? 'twine';
  const attestations = options.attestations === undefined ? '' : textPart('attestations', JSON.stringify(options.attestations));
  const fields = [...fieldsOf(options, client)].map(([name, value]) => textPart(name, value)).join('');
  const filename = options.filename ?? options.file.filename;
  // uv and flit send the part of the file without a type of its own.
  const type = client === 'uv' || client === 'flit' ? '' : 'Content-Type: application/octet-stream\r\n';
  const content = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="content"; filename="${filename}"\r\n${type}\r\n`;
  const end = `--${BOUNDARY}--\r\n`;
  switch (client) {
    case 'uv':
      return { head: Buffer.from(`${fields}${content}`), tail: Buffer.from(`\r\n${attestations}${end}`) };
    case 'content-first':
      return { head: Buffer.from(content), tail: Buffer.from(`\r\n${fields}${attestations}${end}`) };
    case 'twine':
    case 'poetry':
    case 'pdm':
    case 'hatch':
    case 'flit':
      return { head: Buffer.from(`${attestations}${fields}${content}`), tail: Buffer.from(`\r\n${end}`) };
  }
}

function textPart(name: string, value: string): string {
  return `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
}

/** Name and value of each text part, in the order of the client. */
function* fieldsOf(options: PypiUploadOptions, client: UploadClient): Iterable<readonly [string, string]> {
  const action: readonly (readonly [string, string])[] = [
    [':action', 'file_upload'],
    ['protocol_version', '1'],
  ];
  const said = [...metadataFields(options.file.metadata), ...fileFields(options.file, client)];
  const all = client === 'twine' || client === 'poetry' ? [...said, ...action] : [...action, ...said];
  const changed = options.fields ?? {};
  for (const [name, value] of all) {
    if (!(name in changed)) {
      yield [name, value];
    }
  }
  for (const [name, value] of Object.entries(changed)) {
    for (const one of value === null ? [] : [value].flat()) {
      yield [name, one];
    }
  }
}

function fileFields(file: PackageFile | BigFile, client: UploadClient): readonly (readonly [string, string])[] {
  const wheel = file.filename.endsWith('.whl');
  const python = wheel ? (file.filename.split('-').at(-3) ?? '') : 'source';
  const fields: (readonly [string, string])[] = [['filetype', wheel ? 'bdist_wheel' : 'sdist']];
  if (wheel || client !== 'flit') {
    fields.push(['pyversion', python]);
  }
  if (client !== 'twine' && client !== 'uv' && 'bytes' in file) {
    fields.push(['md5_digest', createHash('md5').update(file.bytes).digest('hex')]);
  }
  return [...fields, ['sha256_digest', file.sha256]];
}

/** The form's names of the fields of core metadata that the tests' files have; a field may come several times. */
const FIELDS: Readonly<Record<string, string>> = {
  'metadata-version': 'metadata_version',
  name: 'name',
  version: 'version',
  summary: 'summary',
  author: 'author',
  license: 'license',
  keywords: 'keywords',
  classifier: 'classifiers',
  'requires-dist': 'requires_dist',
  'requires-python': 'requires_python',
  'project-url': 'project_urls',
  'provides-extra': 'provides_extra',
  'description-content-type': 'description_content_type',
};

function* metadataFields(metadata: Buffer): Iterable<readonly [string, string]> {
  const [head = '', description] = metadata.toString().split('\n\n', 2);
  for (const line of head.split('\n')) {
    const [name = '', ...rest] = line.split(': ');
    const field = FIELDS[name.toLowerCase()];
    if (field !== undefined) {
      yield [field, rest.join(': ')];
    }
  }
  if (description !== undefined && description !== '') {
    yield ['description', description];
  }
}
