/** What a token says that it lets do: https://distribution.github.io/distribution/spec/auth/jwt/ */
interface AccessEntry {
  readonly type?: unknown;
  readonly name?: unknown;
  readonly actions?: unknown;
}

/**
 * The actions in `repository` that a token names in its `access` claim; null where it does not tell: it is no JWT, has no such claim, or
 * speaks of other repositories only, as behind a gateway that changes names. The token comes from the service that signed it, by the
 * question that we asked it, so its signature is not looked at.
 */
export function grantedActions(token: string, repository: string): ReadonlySet<string> | null {
  const access = accessClaim(token);
  if (access === null) {
    return null;
  }
  const own = access.filter(({ type, name }) => type === 'repository' && name === repository);
  if (own.length === 0 && access.length > 0) {
    return null;
  }
  return new Set(own.flatMap(({ actions }) => (Array.isArray(actions) ? actions.filter((action) => typeof action === 'string') : [])));
}

/** Whether `action` is among what was granted: `*` is all. */
export function grants(granted: ReadonlySet<string>, action: string): boolean {
  return granted.has(action) || granted.has('*');
}

function accessClaim(token: string): readonly AccessEntry[] | null {
  const [, payload, signature, ...more] = token.split('.');
  if (payload === undefined || signature === undefined || more.length > 0) {
    return null;
  }
  try {
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { readonly access?: unknown } | null;
    const access: unknown = claims?.access;
    return Array.isArray(access) ? access.filter((entry): entry is AccessEntry => typeof entry === 'object' && entry !== null) : null;
  } catch {
    return null;
  }
}
