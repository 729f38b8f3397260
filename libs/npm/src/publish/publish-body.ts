import type { Readable } from 'node:stream';

import { ProxyError } from '@oci-package-proxy/errors';

import { AttachmentFile, type MeasuredFile } from './attachment-file.ts';
import { AttachmentScanner, type DataPiece } from './attachment-scanner.ts';
import { bodyChunks } from './body-chunks.ts';
import { PublishDocument } from './publish-document.ts';

const MAX_ATTACHMENTS = 8;

/** How a publish body is read. */
export interface PublishBodyOptions {
  /** Where the temporary files go; it must exist. */
  readonly directory: string;
  /** The most that the body may have, as sent and unpacked. */
  readonly limitBytes: number;
  /** The most that its JSON may have without the files. */
  readonly jsonLimitBytes: number;
  readonly signal?: AbortSignal;
}

/** A file that came in a publish body, in a temporary file. */
export interface Attachment extends MeasuredFile {
  /** As the client calls it. */
  readonly filename: string;
  readonly contentType: string;
  /** In bytes (for a text: in characters), as the client declares it; null where it does not. */
  readonly length: number | null;
}

/** What `PUT /:pkg` was sent. Whoever has it must dispose of it. */
export interface PublishBody {
  /** All but the data of the attachments. */
  readonly document: PublishDocument;
  /** In the order of the body. */
  readonly attachments: readonly Attachment[];
  /** Removes the temporary files. Never throws. */
  dispose(): Promise<void>;
}

/**
 * Reads the body of `PUT /:pkg` in whatever order its members are: the base64 of attachments goes decoded and hashed to
 * temporary files as it comes in, and memory holds the rest alone. Gzip is undone.
 * @throws ProxyError `too-large` as soon as it is; `invalid` for what is no JSON object, no base64, or breaks off;
 * `aborted` when the sender leaves; `storage-unavailable` when the disk takes no more. No temporary file is left then.
 */
export async function decodePublishBody(body: Readable, options: PublishBodyOptions): Promise<PublishBody> {
  const files = new AttachmentFiles(options.directory);
  try {
    const scanner = new AttachmentScanner(options.jsonLimitBytes);
    for await (const chunk of bodyChunks(body, options)) {
      for (const piece of scanner.push(chunk)) {
        await files.take(piece);
      }
    }
    const document = parseDocument(scanner.end());
    const attachments = await files.attachmentsOf(document);
    return { document: { ...document, _attachments: undefined }, attachments, dispose: () => files.dispose() };
  } catch (error) {
    await files.dispose();
    throw error;
  }
}

function parseDocument(bytes: Buffer): PublishDocument {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new ProxyError('invalid', bytes.length === 0 ? 'The body is empty.' : 'The body is not valid JSON.');
  }
  const parsed = PublishDocument.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new ProxyError('invalid', `The body is no package document: ${issue?.path.join('.') || 'it'} ${issue?.message ?? 'is wrong'}.`);
  }
  // Not what zod made of it: a manifest is stored as it was sent, whatever its members are called.
  return value as PublishDocument;
}

/** The temporary files of one body. */
class AttachmentFiles {
  readonly #directory: string;
  readonly #files: AttachmentFile[] = [];
  readonly #measured = new Map<string, MeasuredFile>();
  #current: AttachmentFile | null = null;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async take({ filename, bytes, first, last }: DataPiece): Promise<void> {
    const file = first || this.#current === null ? await this.#create() : this.#current;
    this.#current = file;
    await file.writeBase64(bytes);
    if (last) {
      this.#measured.set(filename, await file.finish());
      this.#current = null;
    }
  }

  async attachmentsOf(document: PublishDocument): Promise<Attachment[]> {
    const attachments: Attachment[] = [];
    for (const [filename, { content_type: contentType, length, data }] of Object.entries(document._attachments ?? {})) {
      const measured = this.#measured.get(filename) ?? (await this.#text(data));
      if (measured !== null) {
        attachments.push({ ...measured, filename, contentType: contentType ?? 'application/octet-stream', length: length ?? null });
      }
    }
    return attachments;
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#files.map((file) => file.dispose()));
  }

  /** An attachment that is a text and no base64. */
  async #text(data: unknown): Promise<MeasuredFile | null> {
    if (typeof data !== 'string') {
      return null;
    }
    const file = await this.#create();
    await file.write(Buffer.from(data, 'utf8'));
    return file.finish();
  }

  async #create(): Promise<AttachmentFile> {
    if (this.#files.length === MAX_ATTACHMENTS) {
      throw new ProxyError('invalid', `The body has more than ${MAX_ATTACHMENTS} attachments.`);
    }
    const file = await AttachmentFile.create(this.#directory);
    this.#files.push(file);
    return file;
  }
}
