import type { ErrorBodyEncoder, HttpMount } from '@oci-package-proxy/platform';

import { ECOSYSTEM } from '../package-name.ts';

// npm and bun print `error`; newer parts of the protocol say `message`.
const npmErrorBody: ErrorBodyEncoder = ({ message }) => ({
  contentType: 'application/json',
  body: JSON.stringify({ error: message, message }),
});

/** The registry below `prefix` (`''`, or like `/npm`), as the platform knows it. */
export function npmMount(prefix: string): HttpMount {
  return { prefix, ecosystem: ECOSYSTEM, errorBody: npmErrorBody };
}
