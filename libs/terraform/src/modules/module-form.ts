import { ProxyError } from '@oci-package-proxy/errors';
import { type FormFile, type FormParts, FormReading } from '@oci-package-proxy/platform/files';

import { checkRoom, UploadFile } from '../publish/upload-file.ts';

const MAX_PARTS = 100;
const MAX_FIELD_BYTES = 64 * 1024;

/** Whether a body is a form. */
export function isForm(contentType: string | undefined): contentType is string {
  return /^\s*multipart\/form-data\s*(?:;|$)/i.test(contentType ?? '');
}

/**
 * The one file of a form (RFC 7578), written to a temporary file as it comes in; text fields are passed over.
 * @returns the finished file, which the caller disposes of. None is left when it throws.
 * @throws ProxyError `invalid` for what is no whole form, or has no file or several; `too-large`, `storage-unavailable`; what `chunks` throws.
 */
export async function fileOfForm(contentType: string, chunks: AsyncIterable<Buffer>, how: Room): Promise<UploadFile> {
  const part = new OneFile(how);
  const form = new FormReading(part, { contentType, expected: 'Send the archive as a file of a form, as curl -F file=@module.zip does.', maxParts: MAX_PARTS, maxFieldBytes: MAX_FIELD_BYTES });
  try {
    await form.read(chunks);
    return part.found();
  } catch (error) {
    await form.stop();
    await part.dispose();
    throw error;
  }
}

interface Room {
  readonly directory: string;
  /** What the file is called in errors. */
  readonly name: string;
  /** The most that it may have, in bytes. */
  readonly limit: number;
}

class OneFile implements FormParts {
  readonly #room: Room;
  #isThere = false;
  #file: UploadFile | null = null;

  constructor(room: Room) {
    this.#room = room;
  }

  isFile(_name: string, type: string | undefined): boolean {
    return type === 'application/octet-stream';
  }

  onField(): void {
    // Nothing of it is needed.
  }

  async onFile({ stream }: FormFile, reading: FormReading): Promise<void> {
    if (this.#isThere) {
      throw new ProxyError('invalid', 'The upload has more than one file. Send the archive of one module.');
    }
    this.#isThere = true;
    const create = async (): Promise<UploadFile> => {
      this.#file = await UploadFile.create(this.#room.directory);
      return this.#file;
    };
    await reading.receive(stream, create, (file, chunk) => checkRoom(file, chunk, this.#room));
  }

  found(): UploadFile {
    if (this.#file === null) {
      throw new ProxyError('invalid', 'The upload is a form without any file. Send the archive as a file of it, as curl -F file=@module.zip does.');
    }
    return this.#file;
  }

  async dispose(): Promise<void> {
    await this.#file?.dispose();
  }
}
