/** User and password, or what else stands in their place, as somebody shows them for the registry. */
export interface UserCredential {
  readonly username: string;
  readonly password: string;
}

/** What may be done in a repository. */
export type RepositoryAction = 'pull' | 'push' | 'delete';

/**
 * What a registry says of an action: `missing`, that it has no such repository (to a credential that it takes; some say so of what is
 * only hidden); `unsaid`, that it has no way to say it, which comes of `delete` alone.
 */
export type RightsAnswer = 'yes' | 'no' | 'missing' | 'unsaid';

/**
 * Asks a registry what somebody else's credential may do there. Nothing is read, written or kept: who asks decides for how long an answer
 * counts. A registry that does not answer is an error, never an answer.
 */
export interface RegistryRights {
  /**
   * Whether the registry takes the credential at all.
   * @throws ProxyError `storage-unavailable`; `storage-denied` when the registry takes any credential whatever, or sends us where none may go.
   */
  knows(credential: UserCredential): Promise<boolean>;
  /** @param repository its full name. @throws ProxyError `storage-unavailable`, `storage-denied`. */
  may(credential: UserCredential, action: RepositoryAction, repository: string): Promise<RightsAnswer>;
  /** Closes its connections. */
  close(): Promise<void>;
}
