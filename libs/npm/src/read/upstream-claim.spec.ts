import { startNpmUpstream } from '@oci-package-proxy/testing';
import { DocumentCache, UpstreamClient } from '@oci-package-proxy/upstream';
import { expect, it } from 'vitest';

import { DocumentWorkshop } from '../documents/document-workshop.ts';
import { packageRef } from '../package-name.ts';
import { upstreamClaim } from './upstream-claim.ts';
import { UpstreamPackuments } from './upstream-packuments.ts';

it('asks upstream, again after it stumbled, and never for a private name', async () => {
  const server = await startNpmUpstream([{ name: 'theirs', version: '1.0.0', bytes: 10 }]);
  const client = new UpstreamClient({ instanceId: 'spec', allowedOrigins: [server.url], retry: { attempts: 1 } });
  const documents = new DocumentCache({ upstream: client, errorTtlMs: 0 });
  const claim = upstreamClaim(new UpstreamPackuments(documents, server.url, new DocumentWorkshop()), (name) => name === 'secret', 20);

  const theirs = await claim(packageRef('theirs'));
  const free = await claim(packageRef('free'));
  const secret = await claim(packageRef('secret'));
  server.mode = 'error';
  const stumbling = claim(packageRef('other'));
  await new Promise((resolve) => setTimeout(resolve, 10));
  server.mode = 'up';
  const other = await stumbling;
  server.mode = 'error';
  const down = await claim(packageRef('another')).catch((error: unknown) => error);
  await client.close();
  await server.close();

  expect(theirs).not.toBeNull();
  expect([free, secret, other]).toEqual([null, null, null]);
  expect(down).toMatchObject({ code: 'upstream-unavailable' });
  expect(server.requests).not.toContain('/secret');
});
