import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { startDockerRegistry } from '@oci-package-proxy/testing';

import { describeRepositoryContract, type RegistryUnderTest } from '../repository.contract.ts';
import { staticCredentials } from './auth/credentials.ts';
import { registryProfile } from './profile/known-products.ts';
import type { Capabilities } from './profile/registry-profile.ts';
import { RemoteRegistry } from './remote-registry.ts';

/** bcrypt of `s3cret:with colon`. */
const HTPASSWD = 'user:$2b$04$vt//tjhF3OQb9/vFv6oVTef5p6E2UrpAuHfdWfNGrOLcHxUQPhGeC\n';

async function start(options: { readonly deletes?: boolean; readonly htpasswd?: string }, overrides: Partial<Capabilities> = {}): Promise<RegistryUnderTest> {
  const server = await startDockerRegistry(options);
  const profile = registryProfile({ overrides });
  return {
    connect: () => new RemoteRegistry({ url: `${server.url}/prefix`, profile, ...(options.htpasswd === undefined ? {} : { credentials: staticCredentials('user', 's3cret:with colon') }) }),
    corrupt: async (_repository, digest, bytes) => {
      const hex = digest.slice('sha256:'.length);
      await writeFile(join(server.directory, 'data/docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data'), bytes);
    },
    stop: () => server.stop(),
  };
}

describeRepositoryContract('docker-registry without deletes', () => start({}), { createsTags: false, deletesTags: false });
describeRepositoryContract('docker-registry with deletes', () => start({ deletes: true }), { createsTags: false, deletesTags: true });
describeRepositoryContract('docker-registry with passwords', () => start({ htpasswd: HTPASSWD }), { createsTags: false, deletesTags: false });
describeRepositoryContract('docker-registry with flat names, and deletes by digest', () => start({ deletes: true }, { names: 'flat', deletes: 'digest' }), { createsTags: false, deletesTags: true });
