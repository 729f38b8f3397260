import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { TerraformUpstream } from '@oci-package-proxy/testing';

/** The name that source addresses have for the scripted upstream. */
export const UPSTREAM_HOST = 'registry.example.com';

/** Writes a CONFIG_FILE by which `upstream` is {@link UPSTREAM_HOST} (and `hosts`), and its other port a forge; nothing of the namespace `secret` is asked of it. @returns its path. */
export async function upstreamConfigFile(directory: string, upstream: TerraformUpstream, hosts: readonly string[] = []): Promise<string> {
  const path = join(directory, 'config.yaml');
  const upstreams = Object.fromEntries([UPSTREAM_HOST, ...hosts].map((host) => [host, { url: upstream.url }]));
  const terraform = { upstreams, forges: { [new URL(upstream.filesUrl).host]: 'gitea' } };
  // JSON is YAML. Nothing at a private address is fetched that is not an upstream.
  await writeFile(path, JSON.stringify({ upstreams: [{ url: upstream.filesUrl }], privateNames: { terraform: ['providers/*/secret/*'] }, ecosystems: { terraform } }));
  return path;
}
