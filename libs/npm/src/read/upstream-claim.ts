import { setTimeout as sleep } from 'node:timers/promises';

import { isProxyError } from '@oci-package-proxy/errors';
import type { PackageRef } from '@oci-package-proxy/storage';

import type { PrivateNames } from '../private-names.ts';
import type { UpstreamPackuments } from './upstream-packuments.ts';

// A little longer than a failure is remembered, and than a circuit that has just opened stays so.
const AGAIN_MS = 5_500;

/**
 * Upstream's document of a package that somebody wants to publish here under the same name; null where there is none, or where
 * the name is ours whatever upstream has. It is asked for once in a package's life, and so it may wait for an upstream that
 * stumbled.
 * @param againMs how long to wait before asking again, in milliseconds.
 */
export function upstreamClaim(upstream: UpstreamPackuments | null, isPrivate: PrivateNames, againMs: number = AGAIN_MS): (ref: PackageRef) => Promise<unknown> {
  return async ({ name }) => {
    if (upstream === null || isPrivate(name)) {
      return null;
    }
    try {
      return await upstream.document(name);
    } catch (error) {
      if (!isProxyError(error, 'upstream-unavailable')) {
        throw error;
      }
      await sleep(againMs);
      return upstream.document(name, { fresh: true });
    }
  };
}
