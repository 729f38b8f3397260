import { rm } from 'node:fs/promises';
import { rootModule, temporaryDirectory, terraformClient } from '@oci-package-proxy/testing';

import { type Program, programPath } from './terraform-programs.ts';

/** The host that a client means by an address without one, as it says itself. */
export async function defaultHost(program: Program): Promise<string> {
  const directory = await temporaryDirectory('default-host');
  const client = await terraformClient({ directory, binary: programPath(program) });
  const cwd = await client.project('short', { 'main.tf': rootModule({ providers: { demo: { source: 'acme/demo' } } }) });
  const { output } = await client.run(['providers'], { cwd });
  await rm(directory, { recursive: true, force: true });
  const host = /provider\[([^/\]]+)\/acme\/demo\]/.exec(output)?.[1];
  if (host === undefined) {
    throw new Error(`${program} does not say where providers come from: ${output}`);
  }
  return host;
}
