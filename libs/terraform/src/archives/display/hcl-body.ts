import { literalOf } from './hcl-literal.ts';
import { HclTokens, type Token } from './hcl-tokens.ts';

/** What stands between the braces of a block or an object, or in a whole file. */
export interface HclBody {
  /** Expressions as they are written, by name; of two of one name the first. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly blocks: readonly HclBlock[];
}

/** A block: `variable "name" { … }`. */
export interface HclBlock {
  readonly type: string;
  readonly labels: readonly string[];
  readonly body: HclBody;
}

// Deeper blocks are passed over: `terraform { required_providers { … } }` is all that is looked for.
const MAX_DEPTH = 2;

/** Reads a file of HCL's native syntax. What cannot be read is left out; nothing is thrown, and the time goes with the length of the text. */
export function readHcl(text: string): HclBody {
  return new BodyReader(text).body(0);
}

/** Reads an object expression, `{ name = value, "name": value }`, as a body. Null for any other expression. */
export function objectOf(expression: string): HclBody | null {
  return expression.startsWith('{') ? new BodyReader(expression, 1).body(MAX_DEPTH) : null;
}

class BodyReader {
  readonly #tokens: HclTokens;

  constructor(text: string, at = 0) {
    this.#tokens = new HclTokens(text, at);
  }

  body(depth: number): HclBody {
    const attributes = new Map<string, string>();
    const blocks: HclBlock[] = [];
    for (let token = this.#tokens.next(); token.kind !== 'end'; token = this.#tokens.next()) {
      if (token.kind === 'close' && depth > 0) {
        break;
      }
      if (token.kind === 'open') {
        this.#passNested();
      } else if (token.kind === 'word' || token.kind === 'string') {
        this.#item(token, { attributes, blocks, depth });
      }
    }
    return { attributes, blocks };
  }

  #item(name: Token, { attributes, blocks, depth }: { readonly attributes: Map<string, string>; readonly blocks: HclBlock[]; readonly depth: number }): void {
    const labels: string[] = [];
    let token = this.#tokens.next();
    while (token.kind === 'word' || token.kind === 'string') {
      labels.push(this.#nameOf(token));
      token = this.#tokens.next();
    }
    if (token.kind === 'open' && this.#textOf(token) === '{') {
      if (depth < MAX_DEPTH) {
        blocks.push({ type: this.#nameOf(name), labels, body: this.body(depth + 1) });
      } else {
        this.#passNested();
      }
    } else if (labels.length === 0 && ['=', ':'].includes(this.#textOf(token))) {
      const expression = this.#expression();
      if (expression !== null && !attributes.has(this.#nameOf(name))) {
        attributes.set(this.#nameOf(name), expression);
      }
    } else {
      this.#tokens.back(token);
    }
  }

  /** Up to the end of its line, or of what it is in. Null where it breaks off. */
  #expression(): string | null {
    const first = this.#tokens.next();
    let end = first.start;
    let open = 0;
    for (let token = first; ; token = this.#tokens.next()) {
      if (token.kind === 'end' && open > 0) {
        return null;
      }
      if (this.#endsExpression(token, open)) {
        this.#tokens.back(token);
        return end === first.start ? null : this.#tokens.text.slice(first.start, end);
      }
      open += depthOf(token);
      end = token.end;
    }
  }

  #endsExpression(token: Token, open: number): boolean {
    return token.kind === 'end' || (open === 0 && (token.kind === 'newline' || token.kind === 'close' || this.#textOf(token) === ','));
  }

  #passNested(): void {
    let open = 1;
    while (open > 0) {
      const token = this.#tokens.next();
      open = token.kind === 'end' ? 0 : open + depthOf(token);
    }
  }

  #nameOf(token: Token): string {
    const text = this.#textOf(token);
    return token.kind === 'string' ? (literalOf(text) ?? text) : text;
  }

  #textOf({ start, end }: Token): string {
    return this.#tokens.text.slice(start, end);
  }
}

function depthOf({ kind }: Token): number {
  if (kind === 'open') {
    return 1;
  }
  return kind === 'close' ? -1 : 0;
}
