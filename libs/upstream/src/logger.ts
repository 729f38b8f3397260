/** What this library logs with; pino's loggers are of this shape. Messages are static, fields hold what varies. */
export interface UpstreamLogger {
  debug(fields: Readonly<Record<string, unknown>>, message: string): void;
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** Says nothing. */
export const SILENT: UpstreamLogger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
