import { z } from 'zod';

import { plainUrl } from './plain-url.ts';

const Upstream = z.string().transform((text, context) => {
  const url = text.trim() === 'off' ? 'off' : plainUrl(text);
  if (url === null) {
    context.addIssue({ code: 'custom', message: 'must be off, or the http:// or https:// URL of an index (what comes before <project>/), without user, password, query and fragment' });
    return z.NEVER;
  }
  return url;
});

/** The environment variables of PyPI. */
export const PYPI_VARIABLES = {
  /** The index that is pulled through, or `off`. */
  PYPI_UPSTREAM_URL: Upstream.optional(),
  /** uv's own: what the standalone app takes at its first start on a machine without pip. */
  UV_DEFAULT_INDEX: z.string().optional(),
  /** uv's own, older name of the same. */
  UV_INDEX_URL: z.string().optional(),
} satisfies z.ZodRawShape;
