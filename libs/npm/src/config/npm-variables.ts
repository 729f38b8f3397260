import { z } from 'zod';

const Upstream = z.string().transform((text, context) => {
  const url = text.trim() === 'off' ? null : URL.parse(text.trim());
  if (text.trim() === 'off') {
    return 'off' as const;
  }
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    context.addIssue({ code: 'custom', message: 'must be off, or the http:// or https:// URL of an npm registry, without user, password, query and fragment' });
    return z.NEVER;
  }
  return url.href.replace(/\/+$/, '');
});

/** The environment variables of npm. */
export const NPM_VARIABLES = {
  /** The registry that is pulled through, or `off`. */
  NPM_UPSTREAM_URL: Upstream.optional(),
} satisfies z.ZodRawShape;
