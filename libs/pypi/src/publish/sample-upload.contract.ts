import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

import { blake2b } from 'hash-wasm';

import { sha256Of } from './archive/sample-archive.contract.ts';

/** The boundary of {@link formOf}. */
export const BOUNDARY = '----sample-boundary-0123456789';
/** The Content-Type header of {@link formOf}. */
export const FORM_TYPE = `multipart/form-data; boundary=${BOUNDARY}`;

/** A part of a form: a text, or a file where it has a `filename`. */
export interface SamplePart {
  readonly name: string;
  readonly value: string | Buffer;
  readonly filename?: string;
  readonly type?: string;
}

/** The body of a form. */
export function formOf(parts: readonly SamplePart[]): Buffer {
  const pieces = parts.flatMap(({ name, value, filename, type }) => [
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${filename === undefined ? '' : `; filename="${filename}"`}\r\n`,
    type === undefined ? '\r\n' : `Content-Type: ${type}\r\n\r\n`,
    value,
    '\r\n',
  ]);
  return Buffer.concat([...pieces, `--${BOUNDARY}--\r\n`].map((piece) => Buffer.from(piece)));
}

/** A body that arrives in pieces of this many bytes. */
export function bodyOf(form: Buffer, pieceBytes = 16 * 1024): Readable {
  return Readable.from(pieces(form, pieceBytes), { objectMode: false });
}

function* pieces(form: Buffer, pieceBytes: number): Generator<Buffer> {
  for (let at = 0; at < form.length; at += pieceBytes) {
    yield form.subarray(at, at + pieceBytes);
  }
}

/** A file to upload, and what is said of it. */
export interface SampleFile {
  readonly filename: string;
  readonly bytes: Buffer;
  readonly name: string;
  readonly version: string;
}

/** The text fields that every client sends. */
export function textParts({ filename, name, version }: SampleFile): SamplePart[] {
  const isWheel = filename.endsWith('.whl');
  return [
    { name: ':action', value: 'file_upload' },
    { name: 'protocol_version', value: '1' },
    { name: 'name', value: name },
    { name: 'version', value: version },
    { name: 'filetype', value: isWheel ? 'bdist_wheel' : 'sdist' },
    { name: 'pyversion', value: isWheel ? 'py3' : 'source' },
    { name: 'metadata_version', value: '2.4' },
    { name: 'summary', value: 'A sample — ünïcode' },
    { name: 'classifiers', value: 'Programming Language :: Python :: 3' },
    { name: 'classifiers', value: 'Typing :: Typed' },
    { name: 'requires_dist', value: 'first>=1' },
    { name: 'requires_dist', value: 'second' },
    { name: 'keywords', value: 'UNKNOWN' },
  ];
}

/** The part of the file itself. */
export function contentPart({ filename, bytes }: SampleFile, type?: string): SamplePart {
  return { name: 'content', value: bytes, filename, ...(type === undefined ? {} : { type }) };
}

/** The digests as `kinds` of them are sent. */
export async function digestParts({ bytes }: SampleFile, kinds: readonly ('sha256' | 'blake2' | 'md5' | 'md5-base64')[]): Promise<SamplePart[]> {
  const md5 = createHash('md5').update(bytes);
  const values = {
    sha256: { name: 'sha256_digest', value: sha256Of(bytes) },
    blake2: { name: 'blake2_256_digest', value: await blake2b(bytes, 256) },
    md5: { name: 'md5_digest', value: md5.copy().digest('hex') },
    'md5-base64': { name: 'md5_digest', value: md5.copy().digest('base64url') },
  };
  return kinds.map((kind) => values[kind]);
}

/** Attestations of a file: well-formed, signed by nobody. */
export function attestationsOf(filename: string, sha256: string, more: Readonly<Record<string, unknown>> = {}): string {
  const statement = { _type: 'https://in-toto.io/Statement/v1', subject: [{ name: filename, digest: { sha256 } }], predicateType: 'https://docs.example.com/attestations/publish/v1', predicate: null };
  return JSON.stringify([attestationOf(statement, more)]);
}

/** One attestation of a statement. */
export function attestationOf(statement: unknown, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const encoded = Buffer.from(JSON.stringify(statement)).toString('base64');
  return { version: 1, verification_material: { certificate: 'AAAA', transparency_entries: [{ logIndex: '1' }] }, envelope: { statement: encoded, signature: 'AAAA' }, ...more };
}

/** Bodies as each client writes them: which parts, in which order, with which headers. */
export async function clientForms(file: SampleFile): Promise<Readonly<Record<string, Buffer>>> {
  const texts = textParts(file);
  const attestations = { name: 'attestations', value: attestationsOf(file.filename, sha256Of(file.bytes)) };
  const octets = 'application/octet-stream';
  const signature = { name: 'gpg_signature', value: '-----BEGIN PGP SIGNATURE-----' };
  const [sha256, blake2, md5] = [await digestParts(file, ['sha256']), await digestParts(file, ['blake2']), await digestParts(file, ['md5'])];
  return {
    twine: formOf([...texts, ...sha256, ...blake2, attestations, { ...signature, filename: `${file.filename}.asc` }, contentPart(file, octets)]),
    'twine without blake2': formOf([...texts, ...sha256, contentPart(file, octets)]),
    uv: formOf([...texts, ...sha256, ...blake2, { name: 'requires_python', value: '' }, contentPart(file), attestations]),
    poetry: formOf([...texts, ...md5, ...sha256, ...blake2, contentPart(file, octets)]),
    hatch: formOf([...texts, ...sha256, { name: 'description', value: 'x'.repeat(3 * 2 ** 20) }, contentPart(file, octets)]),
    flit: formOf([...texts.filter(({ name }) => name !== 'pyversion'), ...md5, ...sha256, contentPart(file)]),
    'old setuptools': formOf([contentPart(file), ...(await digestParts(file, ['md5-base64'])), { ...signature }, ...texts.toReversed()]),
    'content first': formOf([contentPart(file, 'text/plain'), ...blake2, ...md5, ...sha256, ...texts]),
    'no digests': formOf([...texts.slice(0, 4), contentPart(file)]),
  };
}
