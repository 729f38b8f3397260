import type { Readable, Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { Busboy, type BusboyFileStream } from '@fastify/busboy';

import { ProxyError } from '@oci-package-proxy/errors';

const MAX_TURNS = 200;
const CHUNK_BYTES = 64 * 1024;
const MAX_SHOWN = 100;

/** A file of a form, on its way in. */
export interface FormFile {
  /** Of the form's field. */
  readonly name: string;
  readonly filename: string | undefined;
  readonly stream: Readable;
}

/** What a file of a form is written to. */
export interface FileSink {
  write(bytes: Buffer): Promise<void>;
  /** Nothing more comes. */
  finish(): Promise<void>;
}

/** Takes the parts of a form as they come. What its methods throw ends the reading. */
export interface FormParts {
  /** Whether a part without a file name is a file. */
  isFile(name: string, type: string | undefined): boolean;
  /** What it returns is waited for before the form counts as read. */
  onField(name: string, value: string): void | Promise<void>;
  /** @returns what is done with the file, by {@link FormReading.receive}; when it fails, so does the reading. Null: the file is passed over. */
  onFile(file: FormFile, reading: FormReading): Promise<void> | null;
}

/** How a form is read. */
export interface FormLimits {
  readonly contentType: string | undefined;
  /** Said of another content type. */
  readonly expected: string;
  readonly maxParts: number;
  /** The most bytes of a text field. */
  readonly maxFieldBytes: number;
}

/** Reads one body of the type `multipart/form-data` (RFC 7578). The first failure of anything is the one of all. */
export class FormReading {
  readonly #parser: Writable;
  readonly #streams: BusboyFileStream[] = [];
  /** What is done with files and fields. None of them rejects. */
  readonly #files: Promise<void>[] = [];
  /** What the disk is doing. None of them rejects. */
  readonly #disk = new Set<Promise<unknown>>();
  #failure: { readonly error: unknown } | null = null;

  /** @throws ProxyError `unsupported-media-type` for another type, `invalid` for one without a boundary. */
  constructor(parts: FormParts, limits: FormLimits) {
    this.#parser = this.#parserOf(parts, limits);
  }

  /** Reads all of the body, and waits for its files. @throws the first failure; ProxyError `invalid` for what is no form, or breaks off. */
  async read(chunks: AsyncIterable<Buffer>): Promise<void> {
    for await (const chunk of chunks) {
      await this.#write(chunk);
    }
    let isFinished = false;
    this.#parser.once('finish', () => {
      isFinished = true;
    });
    this.#parser.end();
    await this.#until(() => isFinished);
    await Promise.all(this.#files);
    this.#check();
  }

  /**
   * Writes a file of the form. More of the body is asked for only when what came was put away.
   * @param check told of every piece before it is written; what it throws ends the reading.
   * @returns what `create` made.
   */
  async receive<S extends FileSink>(stream: Readable, create: () => Promise<S>, check: (sink: S, chunk: Buffer) => void): Promise<S> {
    const sink = await this.#onDisk(create());
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      check(sink, chunk);
      await this.#onDisk(sink.write(chunk));
    }
    await this.#onDisk(sink.finish());
    return sink;
  }

  /** Ends all reading. Resolves when nobody works with a file any more. Never throws. */
  async stop(): Promise<void> {
    for (const stream of this.#streams) {
      stream.destroy();
    }
    await Promise.all(this.#files);
  }

  /** The parser takes more only once what it has was put away: so much is asked of the body, and no more. */
  async #write(chunk: Buffer): Promise<void> {
    let isTaken = false;
    this.#parser.write(chunk, () => {
      isTaken = true;
    });
    await this.#until(() => isTaken);
  }

  /**
   * Waits for what the parser is to say. It never says it of some malformed bodies (a last boundary within the headers of a part,
   * for one): when nothing is being put away, it needs no more than a few turns, and whoever waits for more waits in vain.
   */
  async #until(isSaid: () => boolean): Promise<void> {
    for (let turn = 0; !isSaid() && this.#failure === null; turn += 1) {
      if (turn === MAX_TURNS) {
        throw brokenForm(new Error('The parser does not come to an end.'));
      }
      if (this.#disk.size === 0) {
        await nextTurn();
      } else {
        await Promise.race(this.#disk);
        turn = 0;
      }
    }
    this.#check();
  }

  async #onDisk<T>(work: Promise<T>): Promise<T> {
    const quiet = work.catch(() => undefined);
    this.#disk.add(quiet);
    try {
      return await work;
    } finally {
      this.#disk.delete(quiet);
    }
  }

  #parserOf(parts: FormParts, { contentType = '', expected, maxParts, maxFieldBytes }: FormLimits): Writable {
    if (!/^\s*multipart\/form-data\s*(?:;|$)/i.test(contentType)) {
      throw new ProxyError('unsupported-media-type', expected);
    }
    try {
      const parser = new Busboy({
        headers: { 'content-type': contentType.trim() },
        limits: { fieldSize: maxFieldBytes, parts: maxParts, headerPairs: 64, headerSize: 16 * 1024 },
        fileHwm: CHUNK_BYTES,
        // Its slashes are to be seen, and refused.
        preservePath: true,
        isPartAFile: (name, type, filename) => filename !== undefined || parts.isFile(name ?? '', type),
      });
      parser.on('field', (name, value, _isNameCut, isCut) => this.#orFail(() => {
        if (isCut) {
          throw new ProxyError('too-large', `The field ${nameOf(name).slice(0, MAX_SHOWN).replaceAll(/[^ -~]/g, '?')} of the upload has more than the ${maxFieldBytes} bytes that are allowed.`);
        }
        this.#awaited(parts.onField(nameOf(name), value));
      }));
      parser.on('file', (name, stream, filename) => this.#takeFile(stream, () => parts.onFile({ name: nameOf(name), filename: filename as string | undefined, stream }, this)));
      parser.on('partsLimit', () => this.#fail(new ProxyError('too-large', `The upload has more than the ${maxParts} parts that are allowed.`)));
      parser.on('error', (cause) => this.#fail(brokenForm(cause)));
      return parser;
    } catch (cause) {
      throw brokenForm(cause);
    }
  }

  #takeFile(stream: BusboyFileStream, take: () => Promise<void> | null): void {
    // The parser tells of a body that breaks off by itself too.
    stream.on('error', () => undefined);
    this.#streams.push(stream);
    this.#orFail(() => {
      const work = take();
      if (work === null) {
        stream.resume();
      } else {
        this.#files.push(work.catch((error: unknown) => this.#fail(error)));
      }
    });
  }

  #awaited(work: void | Promise<void>): void {
    if (work !== undefined) {
      this.#files.push(this.#onDisk(work).catch((error: unknown) => this.#fail(error)));
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
  }

  #check(): void {
    if (this.#failure !== null) {
      throw this.#failure.error;
    }
  }

  #orFail(work: () => void): void {
    try {
      if (this.#failure === null) {
        work();
      }
    } catch (error) {
      this.#fail(error);
    }
  }
}

// The parser's types leave out that a part need not have one.
function nameOf(name: string | undefined): string {
  return name ?? '';
}

function brokenForm(cause: unknown): ProxyError {
  return new ProxyError('invalid', 'The upload is not a whole form: it is malformed, or breaks off before its end. Upload again.', { cause });
}
