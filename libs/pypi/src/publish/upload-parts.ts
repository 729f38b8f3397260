import type { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { Busboy, type BusboyFileStream, type BusboyInstance } from '@fastify/busboy';

import { ProxyError } from '@oci-package-proxy/errors';

import { normalizedName } from '../names/project-name.ts';
import { MAX_FIELD_BYTES, UploadFields } from './upload-fields.ts';
import { UploadFile } from './upload-file.ts';
import { checkFilename } from './upload-filename.ts';

const MAX_PARTS = 10_000;
const MAX_TURNS = 200;
const LIMITS = { fieldSize: MAX_FIELD_BYTES, parts: MAX_PARTS, headerPairs: 64, headerSize: 16 * 1024 };
const CHUNK_BYTES = 64 * 1024;

/** How the parts of an upload are taken. */
export interface UploadPartsOptions {
  /** Where the temporary file goes; it must exist. */
  readonly directory: string;
  /** The most that the file may have, in bytes. */
  readonly limits: { readonly publishBytes: number };
  /** Called with the normalized name as soon as it is known. What it throws ends the reading. */
  onName(name: string): void;
}

/** The parts of an upload as they come in. The first failure of any of them is the one of all. */
export class UploadParts {
  readonly fields = new UploadFields();
  readonly #options: UploadPartsOptions;
  #failure: { readonly error: unknown } | null = null;
  /** What the disk is doing. Never rejects. */
  #disk: Promise<unknown> | null = null;
  #stream: Readable | null = null;
  #receiving: Promise<void> | null = null;
  #file: UploadFile | null = null;
  #filename: string | null = null;

  constructor(options: UploadPartsOptions) {
    this.#options = options;
  }

  /**
   * Waits for what the parser is to say. It never says it of some malformed bodies (a last boundary within the headers of a part,
   * for one): when nothing is being put away, it needs no more than a few turns, and whoever waits for more waits in vain.
   * @throws the first failure of a part; ProxyError `invalid`.
   */
  async until(isSaid: () => boolean): Promise<void> {
    for (let turn = 0; !isSaid() && this.#failure === null; turn += 1) {
      if (turn === MAX_TURNS) {
        throw brokenForm(new Error('The parser does not come to an end.'));
      }
      if (this.#disk === null) {
        await nextTurn();
      } else {
        await this.#disk;
        turn = 0;
      }
    }
    this.#check();
  }

  /** Ends all reading. */
  fail(error: unknown): void {
    this.#failure ??= { error };
  }

  /** Takes a text field. */
  takeField(name: string | undefined, value: string, truncated: boolean): void {
    this.#orFail(() => {
      if (truncated) {
        throw new ProxyError('too-large', `The field ${name ?? ''} of the upload has more than the ${MAX_FIELD_BYTES} bytes that are allowed.`);
      }
      if (this.fields.add(name, value) === 'name') {
        this.#options.onName(normalizedName(value.trim()));
      }
    });
  }

  /** Takes a part that is a file. A signature, or what else there is, is passed over. */
  takeFile(name: string | undefined, stream: BusboyFileStream, filename: string | undefined): void {
    // The parser tells of a body that breaks off by itself too.
    stream.on('error', () => undefined);
    if (name !== 'content') {
      stream.resume();
      return;
    }
    this.#orFail(() => {
      if (this.#stream !== null) {
        throw new ProxyError('invalid', 'The upload has more than one file (content). Upload each by itself.');
      }
      checkFilename(filename ?? '');
      this.#filename = filename ?? '';
      this.#stream = stream;
      this.#receiving = this.#receive(stream).catch((error: unknown) => this.fail(error));
    });
  }

  /** The file, once it is whole. @throws the first failure of a part. */
  async content(): Promise<{ readonly filename: string; readonly file: UploadFile } | null> {
    await this.#receiving;
    this.#check();
    return this.#file === null || this.#filename === null ? null : { filename: this.#filename, file: this.#file };
  }

  /** Removes the temporary file, however far it is. Never throws. */
  async dispose(): Promise<void> {
    this.#stream?.destroy();
    await this.#receiving;
    await this.#file?.dispose();
  }

  async #receive(stream: Readable): Promise<void> {
    const { directory, limits } = this.#options;
    const file = await this.#onDisk(UploadFile.create(directory, this.fields.declared()));
    this.#file = file;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      if (file.size + chunk.length > limits.publishBytes) {
        throw new ProxyError('too-large', `The file is larger than the ${limits.publishBytes} bytes that are allowed here.`);
      }
      await this.#onDisk(file.write(chunk));
    }
    await this.#onDisk(file.finish());
  }

  async #onDisk<T>(work: Promise<T>): Promise<T> {
    this.#disk = work.catch(() => undefined);
    try {
      return await work;
    } finally {
      this.#disk = null;
    }
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
      this.fail(error);
    }
  }
}

/**
 * A parser of `multipart/form-data` (RFC 7578) that hands everything to `parts`.
 * @throws ProxyError `unsupported-media-type` for another type, `invalid` for one without a boundary.
 */
export function formParser(contentType: string | undefined, parts: UploadParts): BusboyInstance {
  if (!/^\s*multipart\/form-data\s*(?:;|$)/i.test(contentType ?? '')) {
    throw new ProxyError('unsupported-media-type', 'An upload is a form of the type multipart/form-data, as twine and its likes send it.');
  }
  try {
    const parser = new Busboy({
      headers: { 'content-type': (contentType ?? '').trim() },
      limits: LIMITS,
      fileHwm: CHUNK_BYTES,
      // Its slashes are to be seen, and refused.
      preservePath: true,
      isPartAFile: (name, _type, filename) => filename !== undefined || name === 'content',
    });
    parser.on('field', (name, value, _nameTruncated, valueTruncated) => parts.takeField(name, value, valueTruncated));
    parser.on('file', (name, stream, filename) => parts.takeFile(name, stream, filename));
    parser.on('partsLimit', () => parts.fail(new ProxyError('too-large', `The upload has more than the ${MAX_PARTS} parts that are allowed.`)));
    parser.on('error', (cause) => parts.fail(brokenForm(cause)));
    return parser;
  } catch (cause) {
    throw brokenForm(cause);
  }
}

/** What is thrown for a body that is no form to its end. */
export function brokenForm(cause: unknown): ProxyError {
  return new ProxyError('invalid', 'The upload is not a whole form: it is malformed, or breaks off before its end. Upload again.', { cause });
}
