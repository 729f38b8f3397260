import { STATUS_CODES } from 'node:http';

import type { ErrorBodyEncoder, HttpMount } from '@oci-package-proxy/platform';

import { ECOSYSTEM } from '../model/holdings.ts';

// As the public index: uv prints `code`, people read `message`; twine, pip and pdm print the reason and nothing else.
const indexErrorBody: ErrorBodyEncoder = ({ status, message }) => ({
  contentType: 'application/json',
  body: JSON.stringify({ message, code: `${status} ${message}`, title: STATUS_CODES[status] ?? '' }),
  reason: message,
});

const manageErrorBody: ErrorBodyEncoder = ({ code, message }) => ({
  contentType: 'application/json',
  body: JSON.stringify({ error: message, code }),
  reason: message,
});

/** Where the management API is. @param root path prefix of all that is below no ecosystem. */
export function managePath(root: string): string {
  return `${root}/api/v1/${ECOSYSTEM}`;
}

/** The indexes below `prefix` (`''`, or like `/pypi`) and the management API below `root`, as the platform knows them. */
export function pypiMounts(prefix: string, root: string): HttpMount[] {
  return [
    { prefix, ecosystem: ECOSYSTEM, errorBody: indexErrorBody },
    { prefix: managePath(root), ecosystem: ECOSYSTEM, errorBody: manageErrorBody },
  ];
}
