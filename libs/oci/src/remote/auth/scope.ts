/** An action on a repository, as the token scope grammar names it. */
export type Action = 'pull' | 'push' | 'delete';

/** What a request needs of a repository. */
export interface Access {
  /** Full repository name. */
  readonly repository: string;
  readonly actions: readonly Action[];
  /** Another repository that is read besides: the one that a blob is mounted from. */
  readonly readsToo?: string;
}

/** `repository:<name>:<actions>`, and once more for what is read besides: https://distribution.github.io/distribution/spec/auth/scope/ */
export function scopeText(access: Access): string {
  const own = `repository:${access.repository}:${access.actions.join(',')}`;
  return access.readsToo === undefined ? own : `${own} repository:${access.readsToo}:pull`;
}

/** Those scopes of a challenge's `scope` parameter which `access` does not already ask for. */
export function scopesBeyond(access: Access | null, challenged: string | undefined): readonly string[] {
  const scopes = (challenged ?? '').split(' ').filter((scope) => scope !== '');
  return scopes.filter((scope) => access === null || !covers(access, scope));
}

function covers(access: Access, scope: string): boolean {
  if (access.readsToo !== undefined && scope === `repository:${access.readsToo}:pull`) {
    return true;
  }
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
