/** What this library logs: things that are wrong but do not stop it. */
export interface AccessLogger {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** Says nothing. */
export const SILENT: AccessLogger = { warn: () => undefined, info: () => undefined };
