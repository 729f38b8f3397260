/** A piece of HCL's native syntax, by its place in the text. */
export interface Token {
  readonly kind: 'word' | 'string' | 'heredoc' | 'newline' | 'end' | 'open' | 'close' | 'other';
  readonly start: number;
  readonly end: number;
}

const BLANK = /[^\S\n]+/y;
const WORD = /[\p{L}\p{N}\p{M}_.-]+/uy;
const PLAIN_IN_STRING = /[^"\\$%\n]+/y;
const PLAIN_IN_TEMPLATE = /[^"{}\n]+|\n/y;
const HEREDOC = /<<-?([\p{L}_][\p{L}\p{N}\p{M}_-]{0,255})[^\S\n]*\n/uy;

/**
 * Takes HCL's native syntax apart, as tolerantly as can be: what is malformed becomes some token, and every text has an end. Takes
 * time in proportion to the text. https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md
 */
export class HclTokens {
  readonly text: string;
  #at: number;
  /** Whether a template may go over several lines: not after one that nothing ends, so that no text is read again and again. */
  #multiline = true;

  constructor(text: string, at = 0) {
    this.text = text;
    this.#at = at;
  }

  /** The next token; comments and blanks are passed over. */
  next(): Token {
    this.#passOver();
    const start = this.#at;
    const kind = start >= this.text.length ? 'end' : this.#kindAt(start);
    return { kind, start, end: this.#at };
  }

  /** Goes back to a token, to meet it again. */
  back(token: Token): void {
    this.#at = token.start;
  }

  #passOver(): void {
    for (;;) {
      const start = this.#at;
      this.#match(BLANK);
      if (this.text[this.#at] === '#' || this.text.startsWith('//', this.#at)) {
        this.#at = endOr(this.text.indexOf('\n', this.#at), this.text);
      } else if (this.text.startsWith('/*', this.#at)) {
        this.#at = endOr(this.text.indexOf('*/', this.#at + 2), this.text, 2);
      }
      if (this.#at === start) {
        return;
      }
    }
  }

  #kindAt(start: number): Token['kind'] {
    const character = this.text.charAt(start);
    if (character === '"') {
      this.#passString();
      return 'string';
    }
    if (character === '<' && this.#passHeredoc()) {
      return 'heredoc';
    }
    if (this.#match(WORD) !== null) {
      return 'word';
    }
    this.#at = start + 1;
    if (character === '\n') {
      return 'newline';
    }
    if ('{[('.includes(character)) {
      return 'open';
    }
    return '}])'.includes(character) ? 'close' : 'other';
  }

  #passString(): void {
    const start = this.#at;
    // What the place is in: a string, a template within it, a string within that.
    const within: ('string' | 'template')[] = ['string'];
    this.#at += 1;
    while (this.#at < this.text.length) {
      if (this.#endsHere(within)) {
        return;
      }
      this.#passPiece(within);
      if (within.length === 0) {
        return;
      }
    }
    this.#multiline = false;
    this.#at = endOr(this.text.indexOf('\n', start), this.text);
  }

  #endsHere(within: readonly ('string' | 'template')[]): boolean {
    return this.text.charAt(this.#at) === '\n' && (within.at(-1) === 'string' || !this.#multiline);
  }

  #passPiece(within: ('string' | 'template')[]): void {
    const inString = within.at(-1) === 'string';
    if (this.#match(inString ? PLAIN_IN_STRING : PLAIN_IN_TEMPLATE) !== null) {
      return;
    }
    const [character, next] = [this.text.charAt(this.#at), this.text.charAt(this.#at + 1)];
    this.#at += 1;
    if (character === '"' && inString) {
      within.pop();
    } else if (character === '"') {
      within.push('string');
    } else if (inString) {
      this.#passMarked(character, next, within);
    } else if (character === '{') {
      within.push('template');
    } else if (character === '}') {
      within.pop();
    }
  }

  /** After a backslash, `$` or `%` in a string. */
  #passMarked(character: string, next: string, within: ('string' | 'template')[]): void {
    if (character !== '\\' && next === '{') {
      within.push('template');
      this.#at += 1;
    } else if (next === '\n') {
      // The string ends there.
    } else if (character === '\\') {
      this.#at += 1;
    } else if (next === character && this.text.charAt(this.#at + 1) === '{') {
      this.#at += 2;
    }
  }

  #passHeredoc(): boolean {
    const marker = this.#match(HEREDOC);
    if (marker === null) {
      return false;
    }
    for (let start = this.#at; start < this.text.length; start = this.#at + 1) {
      this.#at = endOr(this.text.indexOf('\n', start), this.text);
      if (this.text.slice(start, this.#at).trim() === marker) {
        return true;
      }
    }
    this.#at = this.text.length;
    return true;
  }

  /** @returns the first group where there is one, else the whole match; null where there is none. */
  #match(form: RegExp): string | null {
    form.lastIndex = this.#at;
    const match = form.exec(this.text);
    if (match === null) {
      return null;
    }
    this.#at = form.lastIndex;
    return match[1] ?? match[0];
  }
}

function endOr(index: number, { length }: { readonly length: number }, more = 0): number {
  return index === -1 ? length : index + more;
}
