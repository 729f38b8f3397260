import { rm } from 'node:fs/promises';

import { temporaryDirectory } from '@oci-package-proxy/testing';

import { describeStreaming } from '../contract/streaming.contract.ts';
import { LayoutRegistry } from './layout-registry.ts';

describeStreaming('layout', async () => {
  const directory = await temporaryDirectory('layout');
  return { registry: new LayoutRegistry({ directory }), stop: () => rm(directory, { recursive: true }) };
});
