import type { IngestServerOptions, JobFailure } from './transport-options.ts';

/** Logs a failed try, which Nest does not, and tells whoever wants to know. */
export function reportFailure(options: Pick<IngestServerOptions, 'logger' | 'onFailed'>, failure: JobFailure, data: unknown): void {
  const fields = { ...jobFields(data), pattern: failure.pattern, attempt: failure.attempt, err: failure.error };
  if (failure.final) {
    options.logger.error(fields, 'ingest job failed for good');
  } else {
    options.logger.warn(fields, 'ingest job failed and will be tried again');
  }
  options.onFailed?.(failure);
}

function jobFields(data: unknown): Readonly<Record<string, unknown>> {
  const { ecosystem, package: name, file } = Object(data) as Record<string, unknown>;
  return { ecosystem, package: name, file };
}
