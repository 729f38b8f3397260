import type { ByteRange } from '@oci-package-proxy/oci';

/**
 * The part of a file that a Range header asks for: RFC 9110 §14.
 * @returns null when the whole is to be sent (no header, another unit, malformed, several ranges), `unsatisfiable` for 416.
 */
export function requestedRange(header: string | undefined, size: number): ByteRange | null | 'unsatisfiable' {
  const match = /^\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(header ?? '');
  if (match === null) {
    return null;
  }
  const [first, last] = [match[1] ?? '', match[2] ?? ''];
  if (first === '') {
    return last === '' ? null : suffix(Number(last), size);
  }
  const start = Number(first);
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== '' && Number(last) < start) {
    return null;
  }
  return start < size ? { start, end } : 'unsatisfiable';
}

function suffix(length: number, size: number): ByteRange | 'unsatisfiable' {
  if (length === 0 || size === 0) {
    return 'unsatisfiable';
  }
  return { start: Math.max(0, size - length), end: size - 1 };
}
