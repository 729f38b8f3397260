/** The key that yanks a version with all its files, PEP 592; its value is the reason, or an empty text. @param canonical as `canonicalVersion` writes it. */
export function yankedVersionKey(canonical: string): string {
  return `yanked:${canonical}`;
}

/** The key that yanks one file; where it is set, it goes before the one of the version. */
export function yankedFileKey(filename: string): string {
  return `yanked-file:${filename}`;
}

/** The key of the project's status, PEP 792; its value is `{status, reason}`. */
export const STATUS_KEY = 'status';
