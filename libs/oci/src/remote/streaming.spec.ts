import { startDockerRegistry } from '@oci-package-proxy/testing';

import { describeStreaming } from '../streaming.contract.ts';
import { RemoteRegistry } from './remote-registry.ts';

describeStreaming('docker-registry', async () => {
  const server = await startDockerRegistry();
  return { registry: new RemoteRegistry({ url: server.url }), stop: () => server.stop() };
});
