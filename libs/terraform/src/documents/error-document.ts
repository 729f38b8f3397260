/** The body of an error, as the public registry's API has it. */
export interface ErrorDocument {
  readonly errors: readonly string[];
}

/** Says what went wrong. Most clients show the status alone; `curl` and the client of module locations show this. */
export function errorDocument(...errors: readonly string[]): ErrorDocument {
  return { errors };
}
