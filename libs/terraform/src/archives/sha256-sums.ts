import { ProxyError } from '@oci-package-proxy/errors';

import { shown } from './archive-failure.ts';
import { MAX_SUMS_BYTES } from './archive-limits.ts';

const LINE = /^([0-9a-fA-F]{64}) {2}([^\s\u0085*][^\s\u0085]*)$/;
const HEX = /^[0-9a-fA-F]{64}$/;
// White space as Go's bytes.Fields has it.
const BLANK = /[\t\n\v\f\r \u0085\u00A0]+/;
const HOW = 'Make the file in the directory of the archives with: sha256sum *.zip *_manifest.json > terraform-provider-<type>_<version>_SHA256SUMS (not --binary, not --tag), and sign it again.';

/**
 * Reads SHA256SUMS of a provider version that is published here: names and their sha256 in lower-case hex. What some client fails on
 * is refused; lines may end in CR LF, digits may be upper case, the last line needs no end.
 * @throws ProxyError `unprocessable`, which names the line; `too-large`.
 */
export function parseSums(bytes: Buffer): ReadonlyMap<string, string> {
  if (bytes.length > MAX_SUMS_BYTES) {
    throw new ProxyError('too-large', `SHA256SUMS has ${bytes.length} bytes, and ${MAX_SUMS_BYTES} are allowed.`);
  }
  const sums = new Map<string, string>();
  for (const [index, line] of linesOf(bytes).entries()) {
    const [, digest, filename] = LINE.exec(line) ?? [];
    if (digest === undefined || filename === undefined) {
      throw badLine(index, faultOf(line));
    }
    if (filename.includes('/') || filename.includes('\\')) {
      throw badLine(index, `${shown(filename)} is not a plain file name, and clients find files by their plain names`);
    }
    if (sums.has(filename)) {
      throw badLine(index, `${shown(filename)} stands there for the second time`);
    }
    sums.set(filename, digest.toLowerCase());
  }
  if (sums.size === 0) {
    throw new ProxyError('unprocessable', `SHA256SUMS is empty. ${HOW}`);
  }
  return sums;
}

/**
 * Reads SHA256SUMS of upstream as clients do: what is no line of sums is passed over, and the first line of a name counts. Never throws.
 * @returns names and their sha256 in lower-case hex.
 */
export function lenientSums(bytes: Buffer): ReadonlyMap<string, string> {
  const sums = new Map<string, string>();
  for (const line of bytes.subarray(0, MAX_SUMS_BYTES).toString('utf8').split('\n')) {
    const [digest = '', filename] = line.split(BLANK).filter((field) => field !== '');
    if (filename !== undefined && HEX.test(digest) && !sums.has(filename)) {
      sums.set(filename, digest.toLowerCase());
    }
  }
  return sums;
}

/** The end of the last line is no blank line. */
function linesOf(bytes: Buffer): string[] {
  const lines = bytes.toString('utf8').split('\n');
  if (lines.at(-1) === '') {
    lines.pop();
  }
  return lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
}

function faultOf(line: string): string {
  if (line.trim() === '') {
    return 'it is blank, and terraform crashes on a blank line';
  }
  if (/^[0-9a-fA-F]{64}[ \t]+\*/.test(line)) {
    return 'its file name has a * before it (the mark of sha256sum --binary), and clients never find such a file';
  }
  if (/^SHA256 ?\(/.test(line)) {
    return 'it is in the form of BSD (sha256sum --tag), which clients do not read';
  }
  const [digest = '', ...rest] = line.split(/[ \t]+/);
  if (!HEX.test(digest)) {
    return `it does not begin with 64 hex digits: ${shown(line)}`;
  }
  return rest.join('') === '' ? 'it names no file' : 'it is not 64 hex digits, two spaces and a file name without spaces';
}

function badLine(index: number, why: string): ProxyError {
  return new ProxyError('unprocessable', `SHA256SUMS, line ${index + 1}: ${why}. ${HOW}`);
}
