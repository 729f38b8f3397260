import { availableParallelism } from 'node:os';

import { defineConfig } from 'vitest/config';

// Libraries are tested from source, so that no build has to run first.
const conditions = ['@oci-package-proxy/source'];

const REAL_REGISTRIES = '**/*.registries.{spec,e2e}.ts';

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    // The default leaves one core idle, which of two is half of the machine.
    maxWorkers: availableParallelism(),
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['libs/*/src/**/*.spec.ts', 'apps/*/src/**/*.spec.ts', 'tools/*/src/**/*.spec.ts'],
          exclude: [REAL_REGISTRIES],
          testTimeout: 30_000,
          // A server may take 15 s to listen on a busy machine.
          hookTimeout: 30_000,
        },
      },
      {
        // On registries that are built first: `npm run test:registries`.
        extends: true,
        test: { name: 'registries', include: [REAL_REGISTRIES], testTimeout: 120_000, hookTimeout: 120_000, fileParallelism: false },
      },
      {
        extends: true,
        test: { name: 'e2e', include: ['apps/*/e2e/**/*.e2e.ts'], exclude: [REAL_REGISTRIES], testTimeout: 300_000, hookTimeout: 300_000, fileParallelism: false },
      },
    ],
  },
});
