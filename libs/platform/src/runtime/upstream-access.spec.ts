import { type ScriptedServer, startScriptedServer } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';

import type { UpstreamAccessConfig } from '../config/config-file.ts';
import type { PlatformConfig } from '../config/platform-config.ts';
import { createLogger } from '../logging/logger.ts';
import { Metrics } from '../metrics/metrics.ts';
import { UpstreamAccesses } from './upstream-access.ts';

let server: ScriptedServer;
let files: ScriptedServer;
let accesses: UpstreamAccesses;

/** @param more further entries of `upstreams` in CONFIG_FILE. */
function accessesWith(more: readonly UpstreamAccessConfig[]): UpstreamAccesses {
  const upstreams = ['one', 'two'].map((name) => ({ url: `${server.url}/${name}/`, credential: { kind: 'bearer' as const, token: name }, ca: null }));
  const shared = { url: `${files.url}/`, credential: { kind: 'bearer' as const, token: 'files' }, ca: null };
  const config = { publicUrl: null, host: '127.0.0.1', port: 1, tls: null, instanceId: 'spec', file: { upstreams: [...upstreams, shared, ...more], limits: { upstreamConnections: 4, documentBytes: 1000 } } };
  const logger = createLogger({ name: 'spec', level: 'fatal' });
  return new UpstreamAccesses(config as unknown as PlatformConfig, logger, new Metrics({ process: false }));
}

beforeEach(async () => {
  [server, files] = await Promise.all([startScriptedServer((_request, response) => void response.end('ok')), startScriptedServer((_request, response) => void response.end('ok'))]);
  accesses = accessesWith([]);
});
afterEach(async () => {
  await accesses.close();
  await Promise.all([server.stop(), files.stop()]);
});

it('shows a credential for the upstream that it belongs to, and for files elsewhere, but never for another upstream', async () => {
  const [one, two] = ['one', 'two'].map((name) => accesses.at(`${server.url}/${name}/simple`, 'alpha').upstream);
  const other = accesses.at(`${files.url.replace('127.0.0.1', 'localhost')}/three`, 'alpha').upstream;

  for (const [client, url] of [[one, `${server.url}/one/simple/x/`], [two, `${server.url}/two/files/y`], [one, `${server.url}/two/files/y`], [other, `${server.url}/one/simple/x/`], [one, `${files.url}/z`]] as const) {
    (await client?.get({ url }))?.body.resume();
  }

  expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer one', 'Bearer two', undefined, undefined]);
  expect(files.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer files']);
});

it('shows a credential for no other upstreams than those that are named with it', async () => {
  const forge = `${files.url.replace('127.0.0.1', 'localhost')}/`;
  const named = accessesWith([{ url: forge, credential: { kind: 'bearer', token: 'forge' }, ca: null, for: [`${server.url}/one`] }]);
  const one = named.at(`${server.url}/one`, 'alpha').upstream;
  const two = named.at(`${server.url}/two`, 'alpha').upstream;

  for (const upstream of [one, two]) {
    (await upstream.get({ url: `${forge}acme/secret` })).body.resume();
  }
  await named.close();

  expect(files.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer forge', undefined]);
});

it('refuses an upstream that is this process', () => {
  expect(() => accesses.at('http://localhost:1/', 'alpha')).toThrow(/this proxy itself/);
});
