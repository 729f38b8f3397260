import { z } from 'zod';

const UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30, tib: 2 ** 40, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12 };
const SIZE = /^(\d{1,15}(?:\.\d{1,3})?)\s*([a-z]{0,3})$/i;

/** A number of bytes, or a text such as `10 GiB` or `500MB`; at least 1. */
export const ByteSize = z.union([z.number(), z.string()]).transform((given, context) => {
  const match = SIZE.exec(String(given).trim());
  const unit = UNITS[(match?.[2] ?? '').toLowerCase()];
  const bytes = match === null || unit === undefined ? Number.NaN : Math.floor(Number(match[1]) * unit);
  if (!Number.isSafeInteger(bytes) || bytes < 1) {
    context.addIssue({ code: 'custom', message: 'must be a size in bytes, such as 1048576, 500MB or 10GiB' });
    return z.NEVER;
  }
  return bytes;
});
