import { ProxyError } from '@oci-package-proxy/errors';

import { abortedError } from './abort.ts';
import { type Answer, headerText } from './exchange.ts';
import { retryAfterMs } from './retry.ts';

/** Statuses after which the same request may succeed a moment later. */
export const RETRYABLE_STATUS: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/** The part of an answer that failures are made from. */
export type FailedAnswer = Pick<Answer, 'status' | 'headers' | 'url' | 'foreign'> & { readonly bytes?: Buffer };

interface Circumstances {
  /** Operation and subject. */
  readonly subject: string;
  readonly url: URL;
  readonly signal?: AbortSignal | undefined;
}

/** What a request that got no (whole) answer is reported as. A ProxyError passes: it comes from the body that was sent. */
export function networkFailure(error: unknown, circumstances: Circumstances): ProxyError {
  if (error instanceof ProxyError) {
    return error;
  }
  if (circumstances.signal?.aborted === true) {
    return abortedError(circumstances.subject, circumstances.signal);
  }
  const code = networkFailureCode(error);
  return new ProxyError(
    'storage-unavailable',
    `${circumstances.subject}: no complete answer from ${circumstances.url.host} (${code}); check the storage URL and that the registry is up`,
    { cause: error },
  );
}

/** How the machine names what went wrong on the way, such as `ECONNREFUSED`. */
export function networkFailureCode(error: unknown): string {
  const below = error instanceof ProxyError ? error.cause : error;
  return below instanceof Error && 'code' in below && typeof below.code === 'string' ? below.code : 'connection broken';
}

/** What an answer with a status that the operation cannot use is reported as. */
export function statusFailure(answer: FailedAnswer, subject: string): ProxyError {
  const said = `${subject}: ${side(answer)} answered ${answer.status}${codesText(answer.bytes)}`;
  if (answer.foreign && (answer.status === 401 || answer.status === 403)) {
    // Our credential never went there: a new link may do, and else only the registry's operator can mend it.
    return new ProxyError('storage-unavailable', `${said}; the link that the registry gave is used up or wrong: look at how the registry reaches its own store`);
  }
  if (answer.status === 401 || answer.status === 403) {
    return new ProxyError('storage-denied', `${said}; check the storage credential and its rights`);
  }
  if (answer.status === 413) {
    return new ProxyError('too-large', `${said}; raise the registry's limit`);
  }
  if (answer.status === 412) {
    return new ProxyError('storage-denied', `${said}; a rule of the registry forbids it, on signatures or vulnerabilities for example: exempt the repositories of the storage URL from it`);
  }
  if (answer.status === 405 || answer.status === 501) {
    return new ProxyError('unsupported', `${said}; the registry does not do this, or is read-only`);
  }
  const retryAfter = retryAfterMs(headerText(answer.headers, 'retry-after'), Date.now());
  const advice = answer.status === 429 ? 'it limits how often it is asked: raise that limit, or lower limits.storageConnections' : "look at the registry's log";
  return new ProxyError('storage-unavailable', `${said}; ${advice}`, retryAfter === null ? {} : { retryAfterMs: retryAfter });
}

/** The error codes of an answer's body: distribution-spec "Error Codes". Anything else in it is not looked at. */
export function errorCodes(bytes: Buffer | undefined): readonly string[] {
  if (bytes === undefined || bytes.length === 0) {
    return [];
  }
  try {
    const body = JSON.parse(bytes.toString()) as { errors?: readonly { code?: unknown }[] } | null;
    const errors = Array.isArray(body?.errors) ? body.errors : [];
    return errors.map((error) => String(error?.code)).filter((code) => /^[A-Z][A-Z0-9_]{0,63}$/.test(code));
  } catch {
    return [];
  }
}

/** Whether the answer says that the thing or its whole repository is not there; some registries hide that behind 401 or 403. */
export function saysMissing(answer: Pick<Answer, 'status' | 'bytes'>): boolean {
  if (answer.status === 404) {
    return true;
  }
  return (answer.status === 401 || answer.status === 403) && errorCodes(answer.bytes).includes('NAME_UNKNOWN');
}

function codesText(bytes: Buffer | undefined): string {
  const codes = [...new Set(errorCodes(bytes))].slice(0, 3);
  return codes.length === 0 ? '' : ` (${codes.join(', ')})`;
}

/** Who answered, for error texts. */
export function side(answer: Pick<FailedAnswer, 'foreign' | 'url'>): string {
  return answer.foreign ? `${answer.url.host}, where the registry sent us,` : `the registry ${answer.url.host}`;
}
