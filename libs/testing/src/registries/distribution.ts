import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { type RunningRegistry, startDockerRegistry } from '../docker-registry.ts';
import { temporaryDirectory } from '../process.ts';
import { testAuthority } from '../test-authority.ts';
import { startTokenAuthProxy } from '../token-auth-proxy.ts';
import { HTPASSWD, type RegistryAccess, startedRegistry, USER, userAccess } from './registry-access.ts';
import type { StartedRegistry } from './registry-under-test.ts';

/** How distribution lets clients in. */
export type DistributionAuth = 'none' | 'Basic' | 'token' | 'TLS' | 'client certificate';

/** How distribution is set up. */
export interface DistributionForm {
  /** Default: that of Debian's docker-registry. */
  readonly command?: string;
  readonly auth: DistributionAuth;
  readonly deletes: boolean;
}

/** Starts distribution, 2.8 or 3. */
export async function startDistribution({ auth, ...options }: DistributionForm): Promise<StartedRegistry> {
  switch (auth) {
    case 'none':
      return started(await startDockerRegistry(options), {});
    case 'Basic':
      return started(await startDockerRegistry({ ...options, htpasswd: HTPASSWD }), userAccess());
    case 'token':
      return startWithTokens(options);
    case 'TLS':
    case 'client certificate':
      return startWithTls({ auth, ...options });
  }
}

async function startWithTokens(options: Omit<DistributionForm, 'auth'>): Promise<StartedRegistry> {
  const registry = await startDockerRegistry(options);
  const proxy = await startTokenAuthProxy({ target: registry.url, user: USER });
  return started({ ...registry, url: proxy.url, stop: async () => {
    await proxy.stop();
    await registry.stop();
  } }, userAccess());
}

async function startWithTls({ auth, ...options }: DistributionForm): Promise<StartedRegistry> {
  const files = await temporaryDirectory('registry-tls');
  const authority = await testAuthority(files);
  const client = auth === 'client certificate' ? await authority.clientCertificate() : null;
  const registry = await startDockerRegistry({ ...options, tls: { ...(await authority.certificate()), ...(client !== null && { clientCaFile: authority.caFile }) } });
  const access: RegistryAccess = {
    connection: { ca: authority.ca, ...(client !== null && { clientCertificate: { certFile: client.certFile, keyFile: client.keyFile } }) },
    storage: { caFile: authority.caFile, ...(client !== null && { clientCertFile: client.certFile, clientKeyFile: client.keyFile }) },
  };
  return started({ ...registry, stop: async () => {
    await registry.stop();
    await rm(files, { recursive: true, force: true });
  } }, access);
}

function started(registry: RunningRegistry, access: RegistryAccess): StartedRegistry {
  return startedRegistry(registry, access, (_repository, hex) => join(registry.directory, 'data/docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data'));
}
