import { ProxyError } from '@oci-package-proxy/errors';

import { sendJson } from './json-answer.ts';
import type { Handler, Route } from './route-table.ts';

/** What says that the registry is there, and clear words for what it does not do. */
export function serviceRoutes(): Route[] {
  return [
    { methods: ['GET', 'HEAD'], pattern: '', handler: async ({ reply }) => sendJson(reply, { name: 'oci-package-proxy', ecosystem: 'npm' }) },
    { methods: ['GET', 'HEAD'], pattern: '-/ping', handler: async ({ reply }) => sendJson(reply, {}) },
    // npm asks for a name and a password then.
    { methods: ['POST'], pattern: '-/v1/login', handler: missing('This registry has no sign-in by browser. Use --auth-type=legacy.'), anybody: true },
    { methods: ['GET', 'HEAD'], pattern: '-/v1/search', handler: missing('This registry has no search yet.') },
    // An install goes on without; an answer without findings would be a lie.
    { methods: ['POST'], pattern: '-/npm/v1/security/advisories/bulk', handler: missing(NO_AUDIT) },
    { methods: ['POST'], pattern: '-/npm/v1/security/audits', handler: missing(NO_AUDIT) },
    { methods: ['POST'], pattern: '-/npm/v1/security/audits/quick', handler: missing(NO_AUDIT) },
    // Means "not signed by this registry", which is skipped.
    { methods: ['GET', 'HEAD'], pattern: '-/npm/v1/keys', handler: missing('This registry signs nothing itself.') },
  ];
}

const NO_AUDIT = 'This registry has no audit yet. Use npm audit against the registry that you would use without it.';

function missing(text: string): Handler {
  return async () => {
    throw new ProxyError('not-found', text);
  };
}
