/** What a source says of where its bytes lie: RFC 9110 §14.4. */
export interface ContentRange {
  readonly start: number;
  /** Bytes of the whole, or null when it does not know. */
  readonly size: number | null;
}

/** `bytes 5-9/10`, also `bytes 5-9/*`; `null` when it is neither. */
export function parseContentRange(header: string | undefined): ContentRange | null {
  const match = /^bytes (\d{1,15})-\d*\/(\d{1,15}|\*)$/.exec(header ?? '');
  if (match === null) {
    return null;
  }
  return { start: Number(match[1]), size: match[2] === '*' ? null : Number(match[2]) };
}

/** `content-length` in bytes, or null when it is missing or malformed. */
export function parseContentLength(header: string | undefined): number | null {
  return /^\d{1,15}$/.test(header ?? '') ? Number(header) : null;
}
