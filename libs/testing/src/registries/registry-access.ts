import { writeFile } from 'node:fs/promises';

import type { RegistryConnection, StartedRegistry } from './registry-under-test.ts';

/** The user of every registry that wants one. The colon is where naive clients split. */
export const USER = { username: 'user', password: 's3cret:with colon' } as const;
/** bcrypt of the password of {@link USER}. */
export const HTPASSWD = 'user:$2b$04$vt//tjhF3OQb9/vFv6oVTef5p6E2UrpAuHfdWfNGrOLcHxUQPhGeC\n';

/** What reaching a registry needs besides its URL, for the driver and as settings of an app. */
export interface RegistryAccess {
  readonly connection?: Omit<RegistryConnection, 'url'>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly storage?: Readonly<Record<string, string>>;
}

/** Access by {@link USER}. */
export function userAccess(): RegistryAccess {
  return {
    connection: { credentials: { credentialFor: async () => Promise.resolve(USER) } },
    environment: { STORAGE_USERNAME: USER.username, STORAGE_PASSWORD: USER.password },
  };
}

/** A registry that runs, used below a prefix as at a company. @param blobFile where it keeps a blob, or looks for one first: of a repository, and the hex digits of a digest. */
export function startedRegistry(
  registry: { readonly url: string; readonly directory: string; stop(): Promise<void> },
  access: RegistryAccess,
  blobFile: (repository: string, hex: string) => string,
): StartedRegistry {
  const url = `${registry.url}/prefix`;
  return {
    connection: { url, ...access.connection },
    settings: { environment: { STORAGE_URL: url, ...access.environment }, storage: { ...access.storage } },
    directory: registry.directory,
    corrupt: async (repository, digest, bytes) => writeFile(blobFile(repository, digest.slice('sha256:'.length)), bytes),
    stop: () => registry.stop(),
  };
}
