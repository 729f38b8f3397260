import { setImmediate as nextTurn } from 'node:timers/promises';

import { Busboy, type BusboyFileStream, type BusboyInstance } from '@fastify/busboy';

import { ProxyError } from '@oci-package-proxy/errors';

import { brokenForm } from '../publish/upload-parts.ts';

const MAX_TURNS = 200;
const LIMITS = { fieldSize: 64 * 1024, parts: 100, headerPairs: 64, headerSize: 16 * 1024 };

/** Whether a body is a form. */
export function isForm(contentType: string | undefined): contentType is string {
  return /^\s*multipart\/form-data\s*(?:;|$)/i.test(contentType ?? '');
}

/**
 * The bytes of the one file of a form (RFC 7578), as they come in; text fields are passed over.
 * @throws ProxyError `invalid` for what is no whole form, or has no file or several; what `chunks` throws.
 */
export async function* fileOfForm(contentType: string, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const form = new FormFile();
  const parser = parserOf(contentType, form);
  for await (const chunk of chunks) {
    let isTaken = false;
    parser.write(chunk, () => {
      isTaken = true;
    });
    await form.until(() => isTaken);
    yield* form.pieces();
  }
  let isFinished = false;
  parser.once('finish', () => {
    isFinished = true;
  });
  parser.end();
  await form.until(() => isFinished && form.isWhole);
  yield* form.pieces();
  form.checkFound();
}

/** What the parser has said of a form so far. Its file flows, so that the parser never waits for it: it holds what one piece of the body had. */
class FormFile {
  readonly #pieces: Buffer[] = [];
  #stream: BusboyFileStream | null = null;
  #ended = false;
  #failure: ProxyError | null = null;

  get isWhole(): boolean {
    return this.#stream === null || this.#ended;
  }

  /** Takes a part that is a file. */
  take(stream: BusboyFileStream): void {
    // The parser tells of a body that breaks off by itself too.
    stream.on('error', () => undefined);
    if (this.#stream !== null) {
      this.fail(new ProxyError('invalid', 'The upload has more than one file. Send the archive of one module.'));
      stream.resume();
      return;
    }
    this.#stream = stream;
    stream.on('data', (piece: Buffer) => this.#pieces.push(piece));
    stream.on('end', () => {
      this.#ended = true;
    });
  }

  fail(failure: ProxyError): void {
    this.#failure ??= failure;
  }

  /** What came in since the last time. */
  pieces(): Buffer[] {
    return this.#pieces.splice(0);
  }

  /** @throws ProxyError `invalid` where there was no file. */
  checkFound(): void {
    if (this.#stream === null) {
      throw new ProxyError('invalid', 'The upload is a form without any file. Send the archive as a file of it, as curl -F file=@module.zip does.');
    }
  }

  /** Waits for what the parser is to say: it never says it of some malformed bodies, and needs a few turns at most. @throws the first failure. */
  async until(isSaid: () => boolean): Promise<void> {
    for (let turn = 0; !isSaid() && this.#failure === null; turn += 1) {
      if (turn === MAX_TURNS) {
        throw brokenForm(new Error('The parser does not come to an end.'));
      }
      await nextTurn();
    }
    if (this.#failure !== null) {
      throw this.#failure;
    }
  }
}

function parserOf(contentType: string, form: FormFile): BusboyInstance {
  try {
    const parser = new Busboy({ headers: { 'content-type': contentType.trim() }, limits: LIMITS });
    parser.on('file', (_name, stream) => form.take(stream));
    parser.on('partsLimit', () => form.fail(new ProxyError('invalid', `The upload has more than the ${LIMITS.parts} parts that are allowed.`)));
    parser.on('error', (cause) => form.fail(brokenForm(cause)));
    return parser;
  } catch (cause) {
    throw brokenForm(cause);
  }
}
