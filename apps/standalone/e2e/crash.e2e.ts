import { npmPublishBody } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ADMIN_TOKEN, startStandalone, type Standalone } from './standalone.ts';

describe('kill -9 in the middle of a publish', () => {
  let proxy: Standalone;

  beforeAll(async () => {
    proxy = await startStandalone({ NPM_UPSTREAM_URL: 'off' });
  });
  afterAll(() => proxy.stop());

  it('leaves the whole version or nothing, and the publish can be repeated', async () => {
    for (const delay of [5, 60, 120, 180, 240, 300, 400]) {
      const version = `1.0.${delay}`;
      const body = JSON.stringify(npmPublishBody('fragile', version, { bytes: 24 * 1024 * 1024 }));
      const put = async (): Promise<number> => {
        const answer = await fetch(`${proxy.registry}fragile`, { method: 'PUT', headers: { 'content-type': 'application/json', authorization: `Bearer ${ADMIN_TOKEN}` }, body });
        await answer.arrayBuffer();
        return answer.status;
      };

      const first = put().catch(() => 0);
      await new Promise((resolve) => setTimeout(resolve, delay));
      proxy = await proxy.restart({ signal: 'SIGKILL' });
      const told = await first;
      const visible = await wholeOrNothing(proxy, version);
      const second = await put();

      expect(told === 201 ? visible : true, `told ${told}, visible ${visible}`).toBe(true);
      expect([200, 201]).toContain(second);
      expect(await wholeOrNothing(proxy, version)).toBe(true);
    }
  });
});

/** @returns whether the version is there. @throws AssertionError when only half of it is. */
async function wholeOrNothing(proxy: Standalone, version: string): Promise<boolean> {
  const document = await fetch(`${proxy.registry}fragile`);
  const listed = document.ok && version in ((await document.json()) as { versions: Record<string, unknown> }).versions;
  const tarball = await fetch(`${proxy.registry}fragile/-/fragile-${version}.tgz`);
  const bytes = (await tarball.arrayBuffer()).byteLength;

  expect(tarball.status, `listed: ${listed}`).toBe(listed ? 200 : 404);
  expect(bytes > 24 * 1024 * 1024).toBe(listed);
  return listed;
}
