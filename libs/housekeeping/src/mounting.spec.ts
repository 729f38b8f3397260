import { type Registry, registryProfile, RemoteRegistry } from '@oci-package-proxy/oci';
import { type RunningRegistry, startDockerRegistry } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { copy, copyText, type CopyReport } from './copying.ts';
import { fillStore, LOCATOR } from './sample-store.contract.ts';
import { verify } from './verifying.ts';

const ALL = { kind: 'all' } as const;

describe('copying between two prefixes of one docker-registry', () => {
  let running: RunningRegistry;
  const opened: Registry[] = [];

  beforeAll(async () => {
    running = await startDockerRegistry();
    await fillStore(open('old', true), { many: 1 });
  });
  afterAll(async () => {
    await Promise.all(opened.map((registry) => registry.close()));
    await running.stop();
  });

  function open(prefix: string, mounts: boolean): Registry {
    const registry = new RemoteRegistry({ url: `${running.url}/${prefix}`, profile: registryProfile({ overrides: { mounts } }) });
    opened.push(registry);
    return registry;
  }

  async function copied(target: Registry): Promise<CopyReport> {
    return copy({ source: open('old', true), target, locator: LOCATOR, scope: ALL, exclusive: true });
  }

  it('sends no blob where the registry mounts them', async () => {
    const target = open('new', true);

    const report = await copied(target);

    expect(report).toMatchObject({ problemCount: 0, mounted: expect.any(Number) as number });
    expect(report.mounted).toBeGreaterThan(5);
    // What stands in descriptors, as the empty config does, is sent.
    expect(report.bytes).toBeLessThan(report.blobs * 1024);
    expect(copyText(report)).toContain(`, ${report.mounted} without being sent`);
    expect((await verify({ registry: target, locator: LOCATOR, scope: ALL, quick: false })).problems).toEqual([]);
  });

  it('sends them where it does not', async () => {
    const target = open('other', false);

    const report = await copied(target);

    expect(report).toMatchObject({ problemCount: 0, mounted: 0 });
    expect(report.blobs).toBeGreaterThan(5);
    expect((await verify({ registry: target, locator: LOCATOR, scope: ALL, quick: false })).problems).toEqual([]);
  });
});
