/** An action on a repository, as the token scope grammar names it. */
export type Action = 'pull' | 'push' | 'delete';

/** What a request needs of a repository. */
export interface Access {
  /** Full repository name. */
  readonly repository: string;
  readonly actions: readonly Action[];
}

/** `repository:<name>:<actions>`: https://distribution.github.io/distribution/spec/auth/scope/ */
export function scopeText(access: Access): string {
  return `repository:${access.repository}:${access.actions.join(',')}`;
}

/** Those scopes of a challenge's `scope` parameter which `access` does not already ask for. */
export function scopesBeyond(access: Access | null, challenged: string | undefined): readonly string[] {
  const scopes = (challenged ?? '').split(' ').filter((scope) => scope !== '');
  return scopes.filter((scope) => access === null || !covers(access, scope));
}

function covers(access: Access, scope: string): boolean {
  const last = scope.lastIndexOf(':');
  if (scope.slice(0, last) !== `repository:${access.repository}`) {
    return false;
  }
  const actions: readonly string[] = access.actions;
  return scope
    .slice(last + 1)
    .split(',')
    .every((action) => actions.includes(action));
}
