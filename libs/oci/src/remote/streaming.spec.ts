import { startDockerRegistry } from '@oci-package-proxy/testing';

import { describeStreaming } from '../contract/streaming.contract.ts';
import { registryProfile } from './profile/known-products.ts';
import { RemoteRegistry } from './remote-registry.ts';

describeStreaming('docker-registry', async () => {
  const server = await startDockerRegistry();
  return { registry: new RemoteRegistry({ url: server.url }), stop: () => server.stop() };
});

describeStreaming('docker-registry, in chunks', async () => {
  const server = await startDockerRegistry();
  const profile = registryProfile({ product: 'distribution-2', overrides: { uploadChunkBytes: 16 * 2 ** 20 } });
  return { registry: new RemoteRegistry({ url: server.url, profile }), stop: () => server.stop() };
});
