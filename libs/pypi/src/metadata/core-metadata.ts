/** Core metadata of a distribution: METADATA of a wheel, PKG-INFO of a source distribution; of any metadata version. */
export interface CoreMetadata {
  readonly metadataVersion: string | null;
  readonly name: string | null;
  readonly version: string | null;
  /** Values in their order by the name of the field in lower case, as they are written: lines of folded ones after `\n`, with their indentation. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
  /** The body, or where there is none the field, without the indentation of its lines. */
  readonly description: string | null;
}

const HEADER = /^([!-9;-~]+):(.*)$/su;
/** How lines after the first were indented: with eight spaces, or with seven and a bar so that theirs can be seen. */
const INDENTATIONS = [' '.repeat(7) + '|', ' '.repeat(8)];

/**
 * Reads core metadata as Python's e-mail parser does, which all tools read it with: "Core metadata specifications", "Email
 * headers". Takes whatever it is given: lines end in any way, a line that is no field begins the body, and what is no UTF-8 is
 * Latin-1.
 */
export function parseCoreMetadata(bytes: Uint8Array): CoreMetadata {
  const text = decoded(bytes);
  const fields = new Map<string, string[]>();
  let current: string[] | null = null;
  let start = 0;
  while (start < text.length) {
    const { line, next } = lineAt(text, start);
    const [, field, value = ''] = HEADER.exec(line) ?? [];
    if (field !== undefined) {
      current = fields.get(field.toLowerCase()) ?? [];
      current.push(value.trim());
      fields.set(field.toLowerCase(), current);
    } else if (/^[ \t]/.test(line)) {
      // A continuation of nothing is dropped, as Python does.
      current?.push(`${current.pop() ?? ''}\n${line.trimEnd()}`);
    } else {
      start = line === '' ? next : start;
      break;
    }
    start = next;
  }
  return { ...named(fields), fields, description: descriptionOf(fields, text.slice(start)) };
}

/** A value of several lines without the indentation that folding gave to all but the first. */
export function unindented(value: string): string {
  const [first = '', ...rest] = value.split('\n');
  const written = rest.filter((line) => line.trim() !== '');
  const indentation = INDENTATIONS.find((candidate) => written.every((line) => line.startsWith(candidate))) ?? commonSpaces(written);
  return [first, ...rest.map((line) => (line.startsWith(indentation) ? line.slice(indentation.length) : line.trim()))].join('\n').trim();
}

function named(fields: ReadonlyMap<string, readonly string[]>): Pick<CoreMetadata, 'metadataVersion' | 'name' | 'version'> {
  const first = (field: string): string | null => fields.get(field)?.find((value) => value !== '') ?? null;
  return { metadataVersion: first('metadata-version'), name: first('name'), version: first('version') };
}

function descriptionOf(fields: ReadonlyMap<string, readonly string[]>, body: string): string | null {
  if (body.trim() !== '') {
    return body;
  }
  const field = fields.get('description')?.find((value) => value !== '');
  return field === undefined ? null : unindented(field);
}

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  }
}

/** The line at `start`, without its end, and where the next one begins. */
function lineAt(text: string, start: number): { readonly line: string; readonly next: number } {
  const ends = /\r\n|\r|\n/g;
  ends.lastIndex = start;
  const end = ends.exec(text);
  return end === null ? { line: text.slice(start), next: text.length } : { line: text.slice(start, end.index), next: ends.lastIndex };
}

function commonSpaces(lines: readonly string[]): string {
  const widths = lines.map((line) => /^[ \t]*/.exec(line)?.[0] ?? '');
  return widths.reduce((shortest, spaces) => (spaces.length < shortest.length ? spaces : shortest), widths[0] ?? '');
}
