import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { startDockerRegistry } from '@oci-package-proxy/testing';

import { describeRepositoryContract } from '../contract/repository.contract.ts';
import { registryProfile } from './profile/known-products.ts';
import { RemoteRegistry } from './remote-registry.ts';

/** Small enough for most blobs of the suite to be cut, and no divisor of their sizes. */
const CHUNK_BYTES = 50_001;
const PROFILE = registryProfile({ overrides: { names: 'flat', deletes: 'digest', tagsPerPage: 50, mounts: true, chunkedUploads: true, uploadChunkBytes: CHUNK_BYTES } });

describeRepositoryContract(
  'docker-registry with flat names, deletes by digest, and uploads in chunks',
  async () => {
    const server = await startDockerRegistry({ deletes: true });
    return {
      connect: () => new RemoteRegistry({ url: `${server.url}/prefix`, profile: PROFILE }),
      corrupt: async (_repository, digest, bytes) => {
        const hex = digest.slice('sha256:'.length);
        await writeFile(join(server.directory, 'data/docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data'), bytes);
      },
      stop: () => server.stop(),
    };
  },
  { createsTags: false, deletesTags: true },
);
