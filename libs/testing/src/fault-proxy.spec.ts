import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { FaultPlan, REGISTRY_FAULTS, type RegistryFault } from './fault-plan.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { type ScriptedServer, startScriptedServer } from './scripted-server.ts';

const BODY = 'twenty bytes of body';

let target: ScriptedServer;
const proxies: FaultProxy[] = [];

beforeEach(async () => {
  target = await startScriptedServer((request, response) => void response.writeHead(request.method === 'PUT' ? 202 : 200, { 'x-said': 'target' }).end(BODY));
});
afterEach(async () => {
  await Promise.all(proxies.splice(0).map(async (proxy) => proxy.stop()));
  await target.stop();
});

async function proxyOf(kinds: readonly RegistryFault[], rate = 1): Promise<FaultProxy> {
  const proxy = await startFaultProxy({ target: target.url, seed: 7, rate, kinds, longestDelayMs: 20 });
  proxies.push(proxy);
  return proxy;
}

async function outcome(proxy: FaultProxy, method: string): Promise<string> {
  try {
    const answer = await fetch(`${proxy.url}/v2/a/manifests/1`, { method, ...(method === 'PUT' && { body: 'sent' }) });
    return `${answer.status} ${await answer.text()}`;
  } catch {
    return 'broken';
  }
}

describe('a fault proxy', () => {
  it.each<[RegistryFault, string, string | RegExp, number]>([
    ['reset-before', 'PUT', 'broken', 0],
    ['reset-after', 'PUT', 'broken', 1],
    ['refused', 'PUT', /^(429|50[023]) .*refused/, 0],
    ['done-but-5xx', 'PUT', /^50[023] .*after the fact/, 1],
    ['not-applied', 'PUT', '201 ', 0],
    ['short-body', 'GET', 'broken', 1],
    ['cut-body', 'GET', `200 ${BODY.slice(0, 10)}`, 1],
    ['late', 'PUT', `202 ${BODY}`, 1],
  ])('%s', async (kind, method, expected, forwarded) => {
    const proxy = await proxyOf([kind]);

    expect(await outcome(proxy, method)).toEqual(typeof expected === 'string' ? expected : expect.stringMatching(expected));
    expect(target.requests.map(({ body }) => body.toString())).toEqual(Array.from({ length: forwarded }, () => (method === 'PUT' ? 'sent' : '')));
    expect(Object.fromEntries(proxy.faults)).toEqual({ [kind]: 1 });
  });

  it('lets everything through at rate 0, and counts it', async () => {
    const proxy = await proxyOf(REGISTRY_FAULTS);
    proxy.plan.rate = 0;

    expect([await outcome(proxy, 'GET'), await outcome(proxy, 'PUT')]).toEqual([`200 ${BODY}`, `202 ${BODY}`]);
    expect(proxy.requests).toEqual(['GET /v2/a/manifests/1', 'PUT /v2/a/manifests/1']);
    expect(proxy.faults.size).toBe(0);
  });
});

describe('a fault plan', () => {
  function drawn(seed: number, method = 'GET'): readonly (RegistryFault | undefined)[] {
    const plan = new FaultPlan({ seed, rate: 0.05 });
    return Array.from({ length: 20_000 }, () => plan.next(method)?.kind);
  }

  it('is the same for the same seed, and another for another', () => {
    expect(drawn(1)).toEqual(drawn(1));
    expect(drawn(1)).not.toEqual(drawn(2));
  });

  it.each(['GET', 'PUT'])('fails as many %s as it says, by every kind that can be', (method) => {
    const faults = drawn(3, method).filter((kind) => kind !== undefined);

    expect(faults.length).toBeGreaterThan(850);
    expect(faults.length).toBeLessThan(1150);
    expect([...new Set(faults)].sort()).toEqual(REGISTRY_FAULTS.filter((kind) => (method === 'GET' ? kind !== 'not-applied' : !kind.endsWith('-body'))).toSorted());
  });
});
