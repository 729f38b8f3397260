import type { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { Busboy, type BusboyFileStream, type BusboyInstance } from '@fastify/busboy';

import { ProxyError } from '@oci-package-proxy/errors';

import { type ReleaseName, releaseName, sentName, slotOf } from './release-name.ts';
import { shown } from '../archives/archive-failure.ts';
import { checkRoom, UploadFile } from './upload-file.ts';

/** The most files of one release. */
export const MAX_FILES = 200;

// Of whatever is no archive.
const MAX_SMALL_BYTES = 2 ** 20;
const MAX_PARTS = 1000;
const MAX_FIELD_BYTES = 64 * 1024;
const MAX_TURNS = 200;
const LIMITS = { fieldSize: MAX_FIELD_BYTES, parts: MAX_PARTS, headerPairs: 64, headerSize: 16 * 1024 };
const CHUNK_BYTES = 64 * 1024;

/** How the parts of an upload are taken. */
export interface UploadPartsOptions {
  /** Where the temporary files go; it must exist. */
  readonly directory: string;
  /** The most that one file may have, in bytes. */
  readonly limits: { readonly publishBytes: number };
  /** Whether names may leave out `terraform-provider-`, and the name of the field may be that of the file. */
  readonly original: boolean;
  /** Called with each name before its file is read. What it throws ends the reading. */
  onFile?(name: ReleaseName): void;
  /** Called with each text field. What it throws ends the reading. */
  onField?(name: string, value: string): void;
}

/** The most that a file of a release may have, in bytes. */
export function limitOf({ kind }: ReleaseName, { publishBytes }: { readonly publishBytes: number }): number {
  return kind === 'archive' ? publishBytes : Math.min(MAX_SMALL_BYTES, publishBytes);
}

/** A file that was sent. */
export interface SentFile {
  readonly name: ReleaseName;
  readonly file: UploadFile;
}

/** The parts of an upload as they come in. The first failure of any of them is the one of all. */
export class UploadParts {
  readonly #options: UploadPartsOptions;
  readonly #files = new Map<string, ReleaseName>();
  readonly #sent: SentFile[] = [];
  readonly #streams: Readable[] = [];
  readonly #receiving: Promise<void>[] = [];
  /** What the disk is doing. None of them rejects. */
  readonly #disk = new Set<Promise<unknown>>();
  #failure: { readonly error: unknown } | null = null;

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
      if (this.#disk.size === 0) {
        await nextTurn();
      } else {
        await Promise.race(this.#disk);
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
        throw new ProxyError('too-large', `The field ${shown(name ?? '')} of the upload has more than the ${MAX_FIELD_BYTES} bytes that are allowed.`);
      }
      this.#options.onField?.(name ?? '', value);
    });
  }

  /** Takes a part that is a file. */
  takeFile(field: string | undefined, stream: BusboyFileStream, filename: string | undefined): void {
    // The parser tells of a body that breaks off by itself too.
    stream.on('error', () => undefined);
    this.#streams.push(stream);
    this.#orFail(() => {
      const name = this.#nameOf(field, filename);
      const before = this.#files.get(slotOf(name));
      if (before !== undefined) {
        throw new ProxyError('invalid', `The upload has ${shown(name.filename)} twice${before.filename === name.filename ? '' : ` (also as ${shown(before.filename)})`}. Send each file once.`);
      }
      if (this.#files.size === MAX_FILES) {
        throw new ProxyError('too-large', `The upload has more than the ${MAX_FILES} files that a release may have.`);
      }
      this.#options.onFile?.(name);
      this.#files.set(slotOf(name), name);
      this.#receiving.push(this.#receive(stream, name).catch((error: unknown) => this.fail(error)));
    });
  }

  /** The files in the order in which they came, once all of them are whole. @throws the first failure of a part. */
  async files(): Promise<readonly SentFile[]> {
    await Promise.all(this.#receiving);
    this.#check();
    const names = [...this.#files.values()];
    return this.#sent.toSorted((one, other) => names.indexOf(one.name) - names.indexOf(other.name));
  }

  /** Removes the temporary files, however far they are. Never throws. */
  async dispose(): Promise<void> {
    for (const stream of this.#streams) {
      stream.destroy();
    }
    await Promise.all(this.#receiving);
    await Promise.all(this.#sent.map(({ file }) => file.dispose()));
  }

  #nameOf(field = '', filename = field): ReleaseName {
    const { original } = this.#options;
    const byField = original && releaseName(filename, { bare: true }) === null ? releaseName(field, { bare: true }) : null;
    return sentName(byField === null ? filename : field, { bare: original });
  }

  async #receive(stream: Readable, name: ReleaseName): Promise<void> {
    const { directory, limits } = this.#options;
    const file = await this.#onDisk(UploadFile.create(directory));
    this.#sent.push({ name, file });
    const limit = limitOf(name, limits);
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      checkRoom(file, chunk, { name: name.filename, limit });
      await this.#onDisk(file.write(chunk));
    }
    await this.#onDisk(file.finish());
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
 * @param how `original`: as of {@link UploadPartsOptions}.
 * @throws ProxyError `unsupported-media-type` for another type, `invalid` for one without a boundary.
 */
export function formParser(contentType: string | undefined, parts: UploadParts, how: { readonly original: boolean }): BusboyInstance {
  if (!/^\s*multipart\/form-data\s*(?:;|$)/i.test(contentType ?? '')) {
    throw new ProxyError('unsupported-media-type', 'A release is sent as a form of the type multipart/form-data, as curl -F file=@<name> does.');
  }
  try {
    const parser = new Busboy({
      headers: { 'content-type': (contentType ?? '').trim() },
      limits: LIMITS,
      fileHwm: CHUNK_BYTES,
      // Its slashes are to be seen, and refused.
      preservePath: true,
      isPartAFile: (name, _type, filename) => filename !== undefined || releaseName(name ?? '', { bare: how.original }) !== null,
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
