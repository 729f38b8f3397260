import { createHash } from 'node:crypto';

import { ProxyError } from '@oci-package-proxy/errors';
import { z } from 'zod';

import type { IngestJob } from '../ingest-port.ts';

const Text = z.string().min(1).max(4096);

/** What tells one job from another; the rest of it may differ between the processes that hand the same file in. */
const Identity = z.object({ ecosystem: Text, package: Text, file: Text, digest: Text });

const Version = z.object({ version: z.number().int() });

const Message = Identity.extend({
  version: z.literal(1),
  holder: Text.nullable().default(null),
  at: z.number().nonnegative(),
}).transform((job): IngestJob => job);

/**
 * The job in what a queue delivered; unknown fields are dropped.
 * @throws ProxyError `unsupported` for a version that this process does not know, `invalid` for anything else that is no job.
 */
export function parseIngestJob(data: unknown): IngestJob {
  const version = Version.safeParse(data);
  if (version.success && version.data.version !== 1) {
    throw new ProxyError('unsupported', `ingest job: version ${version.data.version} is not known here; update this worker`);
  }
  const parsed = Message.safeParse(data);
  if (!parsed.success) {
    throw new ProxyError('invalid', `ingest job: not of version 1's shape (${fieldNames(parsed.error)})`);
  }
  return parsed.data;
}

/**
 * The same for two jobs about the same file, and fit for a Redis key.
 * @throws ProxyError `invalid` when `data` is no job.
 */
export function jobIdentity(data: unknown): string {
  const parsed = Identity.safeParse(data);
  if (!parsed.success) {
    throw new ProxyError('invalid', `ingest job: ${fieldNames(parsed.error)} missing or wrong`);
  }
  const { ecosystem, package: name, file, digest } = parsed.data;
  return createHash('sha256').update(JSON.stringify([ecosystem, name, file, digest])).digest('hex');
}

function fieldNames(error: z.ZodError): string {
  return [...new Set(error.issues.map(({ path }) => String(path[0] ?? 'message')))].join(', ');
}
