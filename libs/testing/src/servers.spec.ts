import { expect, it } from 'vitest';

import { startDockerRegistry } from './docker-registry.ts';
import { startRedis } from './redis.ts';

it('starts the real servers, which answer, and stops them', async () => {
  const redis = await startRedis();
  const registry = await startDockerRegistry();

  const answer = await fetch(`${registry.url}/v2/`);

  expect(answer.status).toBe(200);
  expect(redis.pid).toBeGreaterThan(0);
  await Promise.all([redis.stop(), registry.stop()]);
  await expect(fetch(`${registry.url}/v2/`)).rejects.toThrow();
});
