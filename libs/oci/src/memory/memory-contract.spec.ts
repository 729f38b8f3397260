import { describeRepositoryContract } from '../contract/repository.contract.ts';
import { MemoryRegistry } from './memory-registry.ts';

for (const createOnly of [false, true]) {
  describeRepositoryContract(`memory ${createOnly ? 'with' : 'without'} create-only tags`, async () => {
    const registry = new MemoryRegistry({ createOnly, pageSize: 7 });
    return Promise.resolve({
      connect: () => registry.view(),
      corrupt: async (repository, digest, bytes) => Promise.resolve(registry.corruptBlob(repository, digest, bytes)),
      stop: async () => registry.close(),
    });
  }, { createsTags: createOnly, deletesTags: true });
}
