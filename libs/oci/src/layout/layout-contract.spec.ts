import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { temporaryDirectory } from '@oci-package-proxy/testing';

import { describeRepositoryContract } from '../contract/repository.contract.ts';
import { LayoutRegistry } from './layout-registry.ts';

describeRepositoryContract('layout', async () => {
  const directory = await temporaryDirectory('layout');
  return {
    connect: () => new LayoutRegistry({ directory }),
    corrupt: async (repository, digest, bytes) => {
      const path = join(directory, repository, 'blobs/sha256', digest.slice('sha256:'.length));
      await chmod(path, 0o644);
      await writeFile(path, bytes);
    },
    stop: () => rm(directory, { recursive: true }),
  };
}, { createsTags: true, deletesTags: true });
