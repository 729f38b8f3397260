import { ProxyError } from '@oci-package-proxy/errors';
import type { FormFile, FormParts, FormReading } from '@oci-package-proxy/platform/files';

import { normalizedName } from '../names/project-name.ts';
import { UploadFields } from './upload-fields.ts';
import { UploadFile } from './upload-file.ts';
import { checkFilename } from './upload-filename.ts';

/** How the parts of an upload are taken. */
export interface UploadPartsOptions {
  /** Where the temporary file goes; it must exist. */
  readonly directory: string;
  /** The most that the file may have, in bytes. */
  readonly limits: { readonly publishBytes: number };
  /** Called with the normalized name as soon as it is known. What it throws ends the reading. */
  onName(name: string): void | Promise<void>;
}

/** The parts of an upload as they come in. */
export class UploadParts implements FormParts {
  readonly fields = new UploadFields();
  readonly #options: UploadPartsOptions;
  #file: UploadFile | null = null;
  #filename: string | null = null;

  constructor(options: UploadPartsOptions) {
    this.#options = options;
  }

  isFile(name: string): boolean {
    return name === 'content';
  }

  onField(name: string, value: string): void | Promise<void> {
    return this.fields.add(name, value) === 'name' ? this.#options.onName(normalizedName(value.trim())) : undefined;
  }

  /** A signature, or what else there is, is passed over. */
  onFile({ name, filename = '', stream }: FormFile, reading: FormReading): Promise<void> | null {
    if (name !== 'content') {
      return null;
    }
    if (this.#filename !== null) {
      throw new ProxyError('invalid', 'The upload has more than one file (content). Upload each by itself.');
    }
    checkFilename(filename);
    this.#filename = filename;
    return this.#receive(stream, reading);
  }

  /** The file, once everything was read; null when there was none. */
  get content(): { readonly filename: string; readonly file: UploadFile } | null {
    return this.#file === null || this.#filename === null ? null : { filename: this.#filename, file: this.#file };
  }

  /** Removes the temporary file, however far it is. Never throws. */
  async dispose(): Promise<void> {
    await this.#file?.dispose();
  }

  async #receive(stream: FormFile['stream'], reading: FormReading): Promise<void> {
    const { directory, limits } = this.#options;
    const create = async (): Promise<UploadFile> => {
      this.#file = await UploadFile.create(directory, this.fields.declared());
      return this.#file;
    };
    await reading.receive(stream, create, ({ size }, chunk) => {
      if (size + chunk.length > limits.publishBytes) {
        throw new ProxyError('too-large', `The file is larger than the ${limits.publishBytes} bytes that are allowed here.`);
      }
    });
  }
}
