import { ProxyError } from '@oci-package-proxy/errors';

import { GrowingBytes } from './growing-bytes.ts';

// Deeper than any package.json, and shallow enough that nothing which walks the document by recursion overflows the stack.
const MAX_DEPTH = 64;
const ATTACHMENTS_DEPTH = 1;
const NAME_DEPTH = 2;
const DATA_DEPTH = 3;

const OBJECT = 1;
const ARRAY = 2;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** A piece of the text of an attachment's `data`, as it stands between the quotes, JSON escapes included. */
export interface DataPiece {
  readonly filename: string;
  readonly bytes: Buffer;
  /** Whether it begins, and whether it ends, the text. */
  readonly first: boolean;
  readonly last: boolean;
}

/**
 * Cuts the base64 texts out of a publish body while it comes in: string values at `_attachments.<file name>.data` go to the
 * caller piece by piece, all else is kept, with `""` in their place. Only what finding them takes is looked at; whether the
 * rest is JSON is for `JSON.parse` to say. The texts of `.sigstore` attachments are no base64 and stay where they are.
 */
export class AttachmentScanner {
  readonly #rest: GrowingBytes;
  readonly #stack = new Uint8Array(MAX_DEPTH + 1);
  /** The member being read, by depth. */
  readonly #keys: (string | null)[] = [];
  readonly #filenames = new Set<string>();
  #depth = 0;
  #expectsKey = false;
  #inString = false;
  #escaped = false;
  #hasAttachments = false;
  #hasData = false;
  /** Where in the rest the key begins that is being read; -1 when it does not matter. */
  #keyStart = -1;
  /** Where in the current chunk the bytes begin that are not yet in the rest. */
  #from = 0;
  #dataOf: string | null = null;
  #dataBegun = false;

  /** @param limitBytes the most that may be left without the cut-out texts. */
  constructor(limitBytes: number) {
    this.#rest = new GrowingBytes(limitBytes);
  }

  /**
   * Takes the next bytes; chunks may be cut anywhere. The pieces are views of `chunk`.
   * @throws ProxyError `too-large`; `invalid` for what is nested too deep and for a member that decides where the texts are
   * and is there twice.
   */
  push(chunk: Buffer): DataPiece[] {
    const pieces: DataPiece[] = [];
    this.#from = 0;
    let at = 0;
    while (at < chunk.length) {
      at = this.#dataOf === null ? this.#pushStructure(chunk, at) : this.#pushData(chunk, at, pieces);
    }
    this.#keep(chunk, chunk.length);
    return pieces;
  }

  /** The rest of the body. @throws ProxyError `invalid` when it breaks off. */
  end(): Buffer {
    if (this.#depth !== 0 || this.#inString || this.#dataOf !== null) {
      throw new ProxyError('invalid', 'The body is not valid JSON: it breaks off before its end.');
    }
    return this.#rest.bytes();
  }

  #pushData(chunk: Buffer, from: number, pieces: DataPiece[]): number {
    // An escaped quote is no base64 either, so the first quote of any kind ends what can be right.
    const quote = chunk.indexOf(QUOTE, from);
    const to = quote === -1 ? chunk.length : quote;
    const last = quote !== -1;
    if (this.#dataOf !== null && (to > from || last)) {
      pieces.push({ filename: this.#dataOf, bytes: chunk.subarray(from, to), first: !this.#dataBegun, last });
      this.#dataBegun = true;
    }
    this.#from = to;
    if (!last) {
      return to;
    }
    this.#dataOf = null;
    return to + 1;
  }

  #pushStructure(chunk: Buffer, from: number): number {
    let at = from;
    while (at < chunk.length) {
      if (this.#inString) {
        at = this.#skipString(chunk, at);
        continue;
      }
      const byte = chunk[at];
      at += 1;
      if (byte === QUOTE) {
        if (this.#beginString(chunk, at)) {
          return at;
        }
      } else if (byte === COMMA) {
        this.#expectsKey = this.#stack[this.#depth] === OBJECT;
      } else if (byte === COLON) {
        this.#expectsKey = false;
      } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        this.#open(byte === OPEN_OBJECT ? OBJECT : ARRAY);
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
        this.#close();
      }
    }
    return at;
  }

  /** @returns whether it is a text to cut out, which begins at `at`. */
  #beginString(chunk: Buffer, at: number): boolean {
    if (this.#isData()) {
      this.#keep(chunk, at);
      this.#dataOf = this.#keys[NAME_DEPTH] ?? null;
      this.#dataBegun = false;
      this.#keys[DATA_DEPTH] = null;
      return true;
    }
    this.#inString = true;
    this.#keyStart = this.#expectsKey && this.#keyMatters() ? this.#rest.size + at - this.#from : -1;
    return false;
  }

  #skipString(chunk: Buffer, from: number): number {
    let at = from;
    if (this.#escaped) {
      this.#escaped = false;
      at += 1;
    }
    while (at < chunk.length) {
      const byte = chunk[at];
      at += 1;
      if (byte === QUOTE) {
        this.#endString(chunk, at);
        return at;
      }
      if (byte === BACKSLASH) {
        if (at === chunk.length) {
          this.#escaped = true;
        }
        at += 1;
      }
    }
    return chunk.length;
  }

  #endString(chunk: Buffer, at: number): void {
    this.#inString = false;
    if (this.#keyStart === -1) {
      return;
    }
    this.#keep(chunk, at);
    this.#enterKey(keyIn(this.#rest.bytes().subarray(this.#keyStart - 1)));
    this.#keyStart = -1;
  }

  #enterKey(key: string): void {
    const depth = this.#depth;
    this.#keys[depth] = key;
    if (depth === ATTACHMENTS_DEPTH && key === '_attachments') {
      refuseTwice(this.#hasAttachments, '_attachments');
      this.#hasAttachments = true;
    }
    if (depth === NAME_DEPTH) {
      refuseTwice(this.#filenames.has(key), key);
      this.#filenames.add(key);
      this.#hasData = false;
    }
    if (depth === DATA_DEPTH && key === 'data') {
      refuseTwice(this.#hasData, 'data');
      this.#hasData = true;
    }
  }

  #keyMatters(): boolean {
    return this.#depth === ATTACHMENTS_DEPTH || (this.#depth <= DATA_DEPTH && this.#keys[ATTACHMENTS_DEPTH] === '_attachments' && this.#stack[NAME_DEPTH] === OBJECT);
  }

  #isData(): boolean {
    if (this.#expectsKey || this.#depth !== DATA_DEPTH || this.#keys[DATA_DEPTH] !== 'data' || this.#keys[ATTACHMENTS_DEPTH] !== '_attachments') {
      return false;
    }
    return !(this.#keys[NAME_DEPTH] ?? '.sigstore').endsWith('.sigstore');
  }

  #open(kind: number): void {
    if (this.#depth === MAX_DEPTH) {
      throw new ProxyError('invalid', `The body is nested deeper than ${MAX_DEPTH} levels.`);
    }
    this.#depth += 1;
    this.#stack[this.#depth] = kind;
    this.#keys[this.#depth] = null;
    this.#expectsKey = kind === OBJECT;
  }

  #close(): void {
    if (this.#depth === 0) {
      throw new ProxyError('invalid', 'The body is not valid JSON: it closes more than it opens.');
    }
    this.#depth -= 1;
    this.#expectsKey = false;
  }

  #keep(chunk: Buffer, to: number): void {
    // Inside a text that is cut out, what was skipped is not kept.
    if (this.#dataOf === null && to > this.#from) {
      this.#rest.append(chunk.subarray(this.#from, to));
    }
    this.#from = Math.max(this.#from, to);
  }
}

function keyIn(quoted: Buffer): string {
  try {
    return JSON.parse(quoted.toString('utf8')) as string;
  } catch {
    throw new ProxyError('invalid', 'The body is not valid JSON: a member has a malformed name.');
  }
}

function refuseTwice(isThere: boolean, key: string): void {
  if (isThere) {
    throw new ProxyError('invalid', `The body has ${JSON.stringify(key.slice(0, 100))} twice.`);
  }
}
