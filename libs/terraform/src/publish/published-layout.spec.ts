import { RemoteRegistry } from '@oci-package-proxy/oci';
import { Ledger } from '@oci-package-proxy/storage';
import { checkProviderLayout, httpOciSource, portOciSource, providerRelease, type RunningRegistry, startDockerRegistry } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { NamespaceKeys } from '../keys/namespace-keys.ts';
import { providerRef } from '../model/address.ts';
import type { ProviderUploads } from './provider-uploads.ts';
import { CALL, DEMO, fileBody, formBody, OWN, type SamplePublishing, samplePublishing } from './sample-publishing.contract.ts';

const PLATFORMS = ['darwin_arm64', 'linux_amd64', 'windows_386'];
const { repository } = providerRef(DEMO);

let sample: SamplePublishing;

beforeAll(async () => {
  sample = await samplePublishing();
});
afterAll(() => sample.close());

/** A version by a form, one with the annotations of the original project, and one by several requests. */
async function publishAll(plain: ProviderUploads, annotated: ProviderUploads): Promise<void> {
  for (const [version, uploads] of [['1.0.0', plain], ['1.1.0-rc.1+build.5', annotated]] as const) {
    const { files } = await providerRelease({ type: 'demo', version, platforms: PLATFORMS, key: sample.key });
    expect((await uploads.publish(DEMO, version, formBody(files), CALL)).outcome).toBe('created');
  }
  const { files, version } = await providerRelease({ type: 'demo', version: '2.0.0', platforms: PLATFORMS, key: sample.key });
  const { id } = await plain.begin(DEMO, version, CALL);
  for (const file of files) {
    await plain.stage(DEMO, version, id, file.filename, fileBody(file), CALL);
  }
  expect((await plain.commit(DEMO, version, id, CALL)).outcome).toBe('created');
}

const EXPECTED = { violations: [], versions: { '1.0.0': PLATFORMS, '1.1.0-rc.1_build.5': PLATFORMS, '2.0.0': PLATFORMS } };

function sorted({ versions, violations }: Awaited<ReturnType<typeof checkProviderLayout>>): unknown {
  return { violations, versions: Object.fromEntries(Object.entries(versions).map(([tag, platforms]) => [tag, platforms.toSorted()])) };
}

it('a registry in memory holds what OpenTofu reads by itself', async () => {
  await publishAll(sample.replica(), sample.replica({ originalAnnotations: true }));

  expect(sorted(await checkProviderLayout(portOciSource(sample.registry.repository(repository))))).toEqual(EXPECTED);
});

describe('docker-registry', () => {
  let server: RunningRegistry;

  beforeAll(async () => {
    server = await startDockerRegistry();
  });
  afterAll(() => server.stop());

  it('holds what OpenTofu reads by itself', async () => {
    const registry = new RemoteRegistry({ url: server.url });
    const ledger = new Ledger({ registry });
    const keys = new NamespaceKeys({ ledger, own: OWN });
    await keys.add(DEMO.namespace, sample.key.publicKey, CALL);

    await publishAll(sample.replica({ ledger, keys }), sample.replica({ ledger, keys, originalAnnotations: true }));

    expect(sorted(await checkProviderLayout(httpOciSource({ url: server.url, repository })))).toEqual(EXPECTED);
    await registry.close();
  });
});
