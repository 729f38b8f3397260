import { ProxyError } from '@oci-package-proxy/errors';

import type { Answer } from './http/exchange.ts';
import { statusFailure } from './http/failures.ts';

/** A refused write: what read-only registries and missing repositories answer is told apart from failures. */
export function pushFailure(answer: Answer, subject: string): ProxyError {
  if (answer.status === 405) {
    return new ProxyError('storage-denied', `${subject}: the registry takes no writes (405); is it read-only?`);
  }
  if (answer.status === 404) {
    return new ProxyError('storage-denied', `${subject}: the registry does not create repositories on push (404); create it, or its project, there`);
  }
  return statusFailure(answer, subject);
}
