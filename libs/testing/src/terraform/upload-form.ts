import { Readable } from 'node:stream';

import type { ReleaseFile } from './provider-release.ts';

/** A `multipart/form-data` body. */
export interface UploadForm {
  readonly contentType: string;
  /** Bytes of the body. */
  readonly length: number;
  /** The body as a stream, made anew at every call. */
  stream(): Readable;
}

const BOUNDARY = '--------------------------e2e0123456789abcdef';

/**
 * The form that curl makes of `-F` options, for files of any size.
 * @param fields text parts, which stand before the files. @param nameOf what the part of a file is called: `file` when absent.
 */
export function uploadForm(files: readonly ReleaseFile[], fields: Readonly<Record<string, string>> = {}, nameOf: (file: ReleaseFile) => string = () => 'file'): UploadForm {
  const head = Object.entries(fields).map(([name, value]) => `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`).join('');
  const parts = files.map((file) => ({ file, before: `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${nameOf(file)}"; filename="${file.filename}"\r\nContent-Type: application/octet-stream\r\n\r\n` }));
  const end = `--${BOUNDARY}--\r\n`;
  const length = Buffer.byteLength(head) + Buffer.byteLength(end) + parts.reduce((sum, { file, before }) => sum + Buffer.byteLength(before) + file.size + 2, 0);
  const pieces = function* (): Iterable<Buffer> {
    yield Buffer.from(head);
    for (const { file, before } of parts) {
      yield Buffer.from(before);
      yield* file.pieces();
      yield Buffer.from('\r\n');
    }
    yield Buffer.from(end);
  };
  return { contentType: `multipart/form-data; boundary=${BOUNDARY}`, length, stream: () => Readable.from(nonEmpty(pieces()), { objectMode: false }) };
}

/** An empty chunk would end a stream that is not in object mode. */
function* nonEmpty(pieces: Iterable<Buffer>): Iterable<Buffer> {
  for (const piece of pieces) {
    if (piece.length > 0) {
      yield piece;
    }
  }
}
