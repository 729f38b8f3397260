import { z } from 'zod';

import type { PackageChange } from '../ingest-port.ts';

const Change = z.object({ ecosystem: z.string().min(1), package: z.string().min(1), repository: z.string().min(1) });

/** The change in a message, or null when it is none. */
export function parseChange(message: string): PackageChange | null {
  try {
    return Change.parse(JSON.parse(message));
  } catch {
    return null;
  }
}
