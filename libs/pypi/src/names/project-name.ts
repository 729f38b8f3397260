import { ProxyError } from '@oci-package-proxy/errors';

const MAX_CHARACTERS = 200;
const NAME = /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/i;

/** Whether a project can be called so: PEP 508, "Names", and at most 200 characters. */
export function isProjectName(text: string): boolean {
  return text.length <= MAX_CHARACTERS && NAME.test(text);
}

/**
 * The name that all spellings of a project's name share: PEP 503, "Normalized Names".
 * @throws ProxyError `invalid` when nothing can be called so.
 */
export function normalizedName(text: string): string {
  if (!isProjectName(text)) {
    throw new ProxyError(
      'invalid',
      `${JSON.stringify(text.slice(0, 100))} is not the name of a project: it must have at most ${MAX_CHARACTERS} ASCII letters, digits, periods, underscores and hyphens, and begin and end with a letter or digit.`,
    );
  }
  return text.replace(/[-_.]+/g, '-').toLowerCase();
}
