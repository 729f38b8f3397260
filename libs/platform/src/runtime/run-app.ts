import { isProxyError } from '@oci-package-proxy/errors';

import { trustSystemAuthorities } from '../tls/trusted-authorities.ts';
import type { RunningApp } from './front-end.ts';

/** sysexits.h: the configuration is wrong, and a restart will not help. */
const EX_CONFIG = 78;
/** Longer than any part of a shutdown may take, in milliseconds. */
const CLOSE_MS = 75_000;

/**
 * Runs an app until SIGTERM or SIGINT, then lets it end and exits with 0; a second signal exits at once. A configuration that
 * cannot be used is printed as plain lines (exit code 78).
 * @param closeMs from the signal to the exit, at most, in milliseconds; then the exit code is 1.
 */
export async function runApp(start: () => Promise<RunningApp>, closeMs: number = CLOSE_MS): Promise<void> {
  const stop = Promise.withResolvers<void>();
  let signals = 0;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      signals += 1;
      if (signals > 1) {
        process.exit(130);
      }
      // From the signal on: a start that hangs must end too.
      setTimeout(() => fail('shutdown', new Error(`not done within ${closeMs} ms`)), closeMs).unref();
      stop.resolve();
    });
  }
  process.on('uncaughtException', (error) => fail('uncaught exception', error));
  process.on('unhandledRejection', (error) => fail('unhandled rejection', error));
  trustSystemAuthorities();
  try {
    const app = await start();
    await stop.promise;
    await app.close();
    process.exit(0);
  } catch (error) {
    if (isProxyError(error, 'config')) {
      process.stderr.write(`${error.message}\n`);
      process.exit(EX_CONFIG);
    }
    fail('start or shutdown failed', error);
  }
}

function fail(what: string, error: unknown): never {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`${what}: ${text}\n`);
  process.exit(1);
}
