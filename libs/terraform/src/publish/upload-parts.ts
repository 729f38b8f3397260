import { ProxyError } from '@oci-package-proxy/errors';
import type { FormFile, FormParts, FormReading } from '@oci-package-proxy/platform/files';

import { type ReleaseName, releaseName, sentName, slotOf } from './release-name.ts';
import { shown } from '../archives/archive-failure.ts';
import { checkRoom, UploadFile } from './upload-file.ts';

/** The most files of one release. */
export const MAX_FILES = 200;

// Of whatever is no archive.
const MAX_SMALL_BYTES = 2 ** 20;

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
  onField?(name: string, value: string): void | Promise<void>;
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

/** The parts of an upload as they come in. */
export class UploadParts implements FormParts {
  readonly #options: UploadPartsOptions;
  readonly #files = new Map<string, ReleaseName>();
  readonly #sent: SentFile[] = [];

  constructor(options: UploadPartsOptions) {
    this.#options = options;
  }

  isFile(name: string): boolean {
    return releaseName(name, { bare: this.#options.original }) !== null;
  }

  onField(name: string, value: string): void | Promise<void> {
    return this.#options.onField?.(name, value);
  }

  async onFile({ name: field, filename, stream }: FormFile, reading: FormReading): Promise<void> {
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
    const { directory, limits } = this.#options;
    const create = async (): Promise<UploadFile> => {
      const file = await UploadFile.create(directory);
      this.#sent.push({ name, file });
      return file;
    };
    const room = { name: name.filename, limit: limitOf(name, limits) };
    await reading.receive(stream, create, (file, chunk) => checkRoom(file, chunk, room));
  }

  /** The files in the order in which they came, once everything was read. */
  get files(): readonly SentFile[] {
    const names = [...this.#files.values()];
    return this.#sent.toSorted((one, other) => names.indexOf(one.name) - names.indexOf(other.name));
  }

  /** Removes the temporary files, however far they are. Never throws. */
  async dispose(): Promise<void> {
    await Promise.all(this.#sent.map(({ file }) => file.dispose()));
  }

  #nameOf(field: string, filename = field): ReleaseName {
    const { original } = this.#options;
    const byField = original && releaseName(filename, { bare: true }) === null ? releaseName(field, { bare: true }) : null;
    return sentName(byField === null ? filename : field, { bare: original });
  }
}
