import { HclTokens } from './hcl-tokens.ts';

const ESCAPE = /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))|([$%])\4(?=\{)/gsu;
const HAS_TEMPLATE = /(?<![$%])[$%]\{/;
const NAMED_ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };
const MAX_CODE_POINT = 0x10ffff;

/** What an expression says when it is one quoted string or heredoc, else null. Templates in it stay as they are written. */
export function literalOf(expression: string): string | null {
  const tokens = new HclTokens(expression);
  const token = tokens.next();
  if (token.start !== 0 || token.end !== expression.length) {
    return null;
  }
  if (token.kind === 'string' && expression.length > 1 && expression.endsWith('"')) {
    return unescaped(expression.slice(1, -1));
  }
  return token.kind === 'heredoc' ? heredocText(expression) : null;
}

function unescaped(text: string): string {
  if (HAS_TEMPLATE.test(text)) {
    return text;
  }
  return text
    .replaceAll(ESCAPE, (_match, short?: string, long?: string, character?: string, sign?: string) => sign ?? escaped(short ?? long, character ?? ''))
    .toWellFormed();
}

function escaped(hex: string | undefined, character: string): string {
  if (hex === undefined) {
    return NAMED_ESCAPES[character] ?? character;
  }
  const codePoint = Number.parseInt(hex, 16);
  return codePoint > MAX_CODE_POINT ? '\uFFFD' : String.fromCodePoint(codePoint);
}

function heredocText(expression: string): string {
  const lines = expression.split('\n');
  const [opening = ''] = lines;
  const content = lines.slice(1, -1);
  return (opening.startsWith('<<-') ? withoutIndent(content) : content).join('\n');
}

function withoutIndent(lines: readonly string[]): string[] {
  let least = Number.MAX_SAFE_INTEGER;
  for (const line of lines) {
    least = line.trim() === '' ? least : Math.min(least, indentOf(line));
  }
  return lines.map((line) => line.slice(Math.min(least, indentOf(line))));
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}
