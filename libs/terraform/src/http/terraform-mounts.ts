import type { ErrorBodyEncoder, HttpMount } from '@oci-package-proxy/platform';

import { errorDocument } from '../documents/error-document.ts';
import { ECOSYSTEM } from '../model/address.ts';
import { DISCOVERY_PATH } from './discovery-routes.ts';
import { JSON_TYPE } from './json-documents.ts';

/** Where the original project takes uploads, below the root. */
const FORM_PATH = `/${ECOSYSTEM}/upload`;

// Clients print the status line, the one of module locations the body too.
const registryErrorBody: ErrorBodyEncoder = ({ message }) => ({ contentType: JSON_TYPE, body: JSON.stringify(errorDocument(message)), reason: message });

const apiErrorBody: ErrorBodyEncoder = ({ code, message }) => ({ contentType: JSON_TYPE, body: JSON.stringify({ error: message, code }), reason: message });

/** Where the API for publishing and management is. @param root path prefix of all that is below no ecosystem. */
export function apiPath(root: string): string {
  return `${root}/api/v1/${ECOSYSTEM}`;
}

/**
 * Paths outside of the registry's that are answered all the same, at the host's very root and below `root`: the discovery document, which
 * clients ask of no other place, and the upload form of the original project.
 */
export function rootPaths(root: string): readonly string[] {
  return [...new Set(['', root].flatMap((base) => [`${base}/${DISCOVERY_PATH}`, `${base}${FORM_PATH}`]))];
}

/** The registry below `prefix` (`''`, or like `/terraform`) and the API below `root`, as the platform knows them. */
export function terraformMounts(prefix: string, root: string): HttpMount[] {
  return [
    { prefix, ecosystem: ECOSYSTEM, errorBody: registryErrorBody },
    { prefix: apiPath(root), ecosystem: ECOSYSTEM, errorBody: apiErrorBody },
    ...rootPaths(root).map((path) => ({ prefix: path, ecosystem: ECOSYSTEM, errorBody: path.endsWith(FORM_PATH) ? apiErrorBody : registryErrorBody })),
    { prefix: `${prefix}/upload`, ecosystem: ECOSYSTEM, errorBody: apiErrorBody },
  ];
}
