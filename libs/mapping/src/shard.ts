import { createHash } from 'node:crypto';

/** Which of the catalogue's 16 repositories a name is listed in: the first hex digit of its sha256. */
export function shardOf(name: string): string {
  return createHash('sha256').update(name, 'utf8').digest('hex').charAt(0);
}
