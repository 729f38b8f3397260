import type { JsonValue } from '@oci-package-proxy/storage';

/** What a command has to say. */
export interface AdminResult {
  /** Lines for people. */
  readonly text: readonly string[];
  /** The same for programs: what `--json` prints. */
  readonly data: JsonValue;
  /** Whether what was found, or could not be done, makes the exit code 1 all the same. */
  readonly failed?: boolean;
}

/** With what a command runs. */
export interface AdminContext {
  /** Who runs it, as the events that it writes will say. */
  readonly by: string;
  readonly signal: AbortSignal;
  /** Tells people how far it is; goes to standard error. */
  progress(line: string): void;
}

/** One thing that an operator can do from the command line. */
export interface AdminCommand {
  /** One word. */
  readonly name: string;
  /** What follows the name: `<project> <version> [--reason <text>]`. */
  readonly usage: string;
  /** One sentence. */
  readonly summary: string;
  /** @throws ProxyError whatever failed; `invalid` for arguments that are wrong, with the usage in its text. */
  run(args: readonly string[], context: AdminContext): Promise<AdminResult>;
}
