import { builtRegistries, dockerRegistries } from '@oci-package-proxy/testing';
import { describe, expect, it } from 'vitest';

import { registryProfile } from '../profile/known-products.ts';
import { RemoteRegistry } from '../remote-registry.ts';
import type { ProbeTopic } from './probe-report.ts';
import { probeRegistry } from './probe-registry.ts';

/** What no registry may lack that holds packages. */
const NEEDED = ['reachable', 'credential', 'pull', 'push', 'uploads', 'blobReads', 'artifacts', 'indexes', 'readsItsWrites', 'keepsConcurrentTags'] as const satisfies readonly ProbeTopic[];

for (const registry of [...dockerRegistries(), ...builtRegistries()]) {
  describe(`${registry.server} | ${registry.form}`, () => {
    describe('all that the probe of `doctor` needs', () => {
      it('is there, and nothing is left behind where tags are deleted', async ({ task }) => {
        const { connection, stop } = await registry.start();
        const client = new RemoteRegistry({ ...connection, profile: registryProfile({ overrides: { immutableTags: registry.immutableTags } }) });

        const report = await probeRegistry(client);

        await client.close();
        await stop();
        const values = Object.fromEntries(report.findings.map(({ what, value }) => [what, value]));
        // For the tables of docs/registries.md.
        Object.assign(task.meta, { probe: values, oddities: registry.oddities });
        expect(NEEDED.filter((what) => values[what] !== true)).toEqual([]);
        expect(values['replacesTags']).toBe(!registry.immutableTags);
        expect(report.leftovers.flatMap(({ tags }) => tags).length > 0).toBe(!registry.deletesTags);
      });
    });
  });
}
