/** What this library logs with; pino's loggers are of this shape. Never names or secrets that a caller sent. */
export interface AccessLogger {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}
