import type { LookupAddress } from 'node:dns';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { freePort, type ScriptedServer, startScriptedServer } from '@oci-package-proxy/testing';

import { UpstreamClient, type UpstreamClientOptions } from './upstream-client.ts';

describe('UpstreamClient', () => {
  let server: ScriptedServer;
  let other: ScriptedServer;
  const clients: UpstreamClient[] = [];

  beforeEach(async () => {
    server = await startScriptedServer((_request, response) => void response.end('hello'));
    other = await startScriptedServer((_request, response) => void response.end('other'));
  });

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
    await server.stop();
    await other.stop();
  });

  function clientWith(options: Partial<UpstreamClientOptions> = {}): UpstreamClient {
    const client = new UpstreamClient({ instanceId: 'proxy-1', allowedOrigins: [server.url, other.url], retry: { baseMs: 1 }, ...options });
    clients.push(client);
    return client;
  }

  async function text(client: UpstreamClient, url: string, headers: Record<string, string> = {}): Promise<string> {
    const answer = await client.get({ url, headers });
    return (await answer.body.toArray()).join('');
  }

  it('says who it is, and asks for no coding', async () => {
    expect(await text(clientWith(), `${server.url}/a?b=c`, { Accept: 'text/plain' })).toBe('hello');

    expect(server.requests[0]).toMatchObject({ method: 'GET', url: '/a?b=c', headers: { via: '1.1 proxy-1', accept: 'text/plain', 'accept-encoding': 'identity' } });
  });

  it.each([200, 204, 304, 400, 404, 410, 418])('answers %i', async (status) => {
    server.answer((_request, response) => void response.writeHead(status).end());

    expect((await clientWith().get({ url: server.url })).status).toBe(status);
    expect(server.requests).toHaveLength(1);
  });

  it.each([
    [401, 'upstream-denied', 1],
    [403, 'upstream-denied', 1],
    [407, 'upstream-denied', 1],
    [429, 'rate-limited', 3],
    [500, 'upstream-unavailable', 3],
    [501, 'upstream-unavailable', 1],
    [503, 'upstream-unavailable', 3],
    [508, 'loop', 1],
  ])('fails on %i with %s after %i attempts', async (status, code, attempts) => {
    server.answer((_request, response) => void response.writeHead(status).end());

    await expect(clientWith().get({ url: `${server.url}/x?token=geheim` })).rejects.toMatchObject({ code, message: expect.not.stringContaining('geheim') as string });
    expect(server.requests).toHaveLength(attempts);
  });

  it.each([408, 425, 429, 502])('tries again after %i', async (status) => {
    server.answer((_request, response) => void response.writeHead(server.requests.length < 3 ? status : 200).end('there'));

    expect(await text(clientWith(), server.url)).toBe('there');
  });

  it('tries again after a broken connection, and not after the caller left', async () => {
    server.answer((_request, response) => void (server.requests.length < 2 ? response.destroy() : response.end('there')));

    expect(await text(clientWith(), server.url)).toBe('there');
    await expect(clientWith().get({ url: server.url, signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
    expect(server.requests).toHaveLength(2);
  });

  it('waits for Retry-After, unless it is long', async () => {
    server.answer((_request, response) => void response.writeHead(server.requests.length < 2 ? 503 : 200, { 'retry-after': '1' }).end('there'));
    const started = performance.now();
    expect(await text(clientWith(), server.url)).toBe('there');
    expect(performance.now() - started).toBeGreaterThan(950);

    server.answer((_request, response) => void response.writeHead(429, { 'retry-after': '120' }).end());
    await expect(clientWith().get({ url: server.url })).rejects.toMatchObject({ code: 'rate-limited', retryAfterMs: 120_000 });
    expect(server.requests).toHaveLength(3);
  });

  it.each([
    ['nobody listens', async () => `http://127.0.0.1:${await freePort()}/`],
    ['the name does not exist', () => Promise.resolve('http://nowhere.invalid/')],
  ])('fails as unavailable when %s', async (_, where) => {
    const url = await where();

    await expect(clientWith({ allowedOrigins: [url] }).get({ url })).rejects.toMatchObject({ code: 'upstream-unavailable' });
  });

  it('gives up on a server that says nothing', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;

    await expect(clientWith({ allowedOrigins: [url], timeouts: { headersMs: 300 }, retry: { attempts: 1 } }).get({ url })).rejects.toMatchObject({ code: 'upstream-unavailable' });
    silent.close();
  });

  it('breaks a body off when the caller leaves', async () => {
    server.answer((_request, response) => void response.write('a'));
    const leave = new AbortController();

    const answer = await clientWith().get({ url: server.url, signal: leave.signal });
    const reading = answer.body.toArray();
    leave.abort();

    await expect(reading).rejects.toThrow();
  });

  describe('redirects', () => {
    function redirecting(location: string, status = 302): void {
      server.answer((request, response) => void (request.url === '/end' ? response.end('end') : response.writeHead(status, { location }).end()));
    }

    it.each([301, 302, 303, 307, 308])('follows %i', async (status) => {
      redirecting('/end', status);

      const answer = await clientWith().get({ url: `${server.url}/start` });

      expect(answer.url).toBe(`${server.url}/end`);
      expect((await answer.body.toArray()).join('')).toBe('end');
    });

    it('gives up after five', async () => {
      redirecting('/again');

      await expect(clientWith().get({ url: `${server.url}/start` })).rejects.toMatchObject({ code: 'upstream-unavailable' });
      expect(server.requests).toHaveLength(6);
    });

    it.each([
      ['the metadata service', 'http://169.254.169.254/latest/meta-data'],
      ['loopback', 'http://127.0.0.1:1/'],
      ['loopback by name', 'http://localhost:1/'],
      ['loopback as a number', 'http://2130706433:1/'],
      ['loopback in hexadecimal', 'http://0x7f.1:1/'],
      ['loopback in octal', 'http://0177.0.0.1:1/'],
      ['this host', 'http://0.0.0.0:1/'],
      ['a private network', 'http://10.0.0.1/'],
      ['another private network', 'http://192.168.1.1/'],
      ['carrier-grade NAT', 'http://100.64.0.1/'],
      ['multicast', 'http://224.0.0.1/'],
      ['IPv6 loopback', 'http://[::1]:1/'],
      ['IPv4-mapped IPv6', 'http://[::ffff:127.0.0.1]:1/'],
      ['NAT64 of a private address', 'http://[64:ff9b::10.0.0.1]:1/'],
      ['6to4 of a private address', 'http://[2002:a00:1::]:1/'],
      ['unique-local IPv6', 'http://[fd00::1]/'],
      ['link-local IPv6', 'http://[fe80::1]/'],
      ['a name that resolves to a private address', 'http://rebound.example.com/'],
      ['no HTTP', 'file:///etc/passwd'],
    ])('does not go to %s', async (_, location) => {
      redirecting(location);
      const resolve = (name: string): Promise<LookupAddress[]> => Promise.resolve([{ address: name === 'localhost' ? '127.0.0.1' : '10.1.2.3', family: 4 }]);

      await expect(clientWith({ resolve }).get({ url: `${server.url}/start` })).rejects.toMatchObject({ code: 'policy' });
      await expect(clientWith({ resolve, allowedOrigins: [] }).get({ url: location })).rejects.toMatchObject({ code: 'policy' });
      expect(server.requests).toHaveLength(1);
    });

    it('connects to the address that was checked, and to nothing else of what a name says', async () => {
      const asked: string[] = [];
      const resolve = (name: string): Promise<LookupAddress[]> => {
        asked.push(name);
        // Public on the first question, private on every later one.
        const address = asked.length === 1 ? '203.0.113.7' : '127.0.0.1';
        return Promise.resolve([{ address: '127.0.0.1', family: 4 }, { address, family: 4 }]);
      };

      await expect(clientWith({ resolve, allowedOrigins: [], retry: { attempts: 1 }, timeouts: { connectMs: 300 } }).get({ url: `http://rebound.example.com:${server.port}/` })).rejects.toMatchObject({
        code: expect.stringMatching(/policy|upstream-unavailable/) as string,
      });
      expect(server.requests).toHaveLength(0);
      expect(asked).toEqual(['rebound.example.com']);
    });

    it('goes to another name of the very address and port of a configured upstream, and to no other port there', async () => {
      const resolve = (): Promise<LookupAddress[]> => Promise.resolve([{ address: '127.0.0.1', family: 4 }]);
      const client = clientWith({ resolve, allowedOrigins: [server.url], retry: { attempts: 1 } });

      expect((await client.get({ url: `http://files.example.com:${server.port}/there` })).status).toBe(200);
      await expect(client.get({ url: `http://files.example.com:${other.port}/there` })).rejects.toMatchObject({ code: 'policy' });
      await expect(client.get({ url: `${other.url}/there` })).rejects.toMatchObject({ code: 'policy' });
      expect(other.requests).toHaveLength(0);
    });

    it('goes to the private address of a configured upstream', async () => {
      redirecting(`${other.url}/there`);

      expect(await text(clientWith(), `${server.url}/start`)).toBe('other');
    });

    it('tells no other origin a credential', async () => {
      redirecting(`${other.url}/there`);
      const access = [{ url: server.url, credential: { kind: 'bearer', token: 'geheim' } as const, ca: null }];

      await text(clientWith({ access }), `${server.url}/start`, { cookie: 'a=b', 'x-kept': 'yes' });

      expect(server.requests[0]?.headers).toMatchObject({ authorization: 'Bearer geheim', cookie: 'a=b' });
      expect(other.requests[0]?.headers).toMatchObject({ 'x-kept': 'yes', via: '1.1 proxy-1' });
      expect(Object.keys(other.requests[0]?.headers ?? {})).not.toEqual(expect.arrayContaining(['authorization']));
      expect(Object.keys(other.requests[0]?.headers ?? {})).not.toEqual(expect.arrayContaining(['cookie']));
    });
  });

  it.each([
    ['/private', true],
    ['/private/', true],
    ['/private/a/b', true],
    ['/private%2Fa', false],
    ['/private-too/a', false],
    ['/other', false],
    ['/private/../other', false],
    ['/private/..%2fother', true],
    ['/private%2f..%2fprivate/a', false],
    ['/private/a%2f..%2f..%2fother', false],
  ])('sends a credential of /private to %s: %s', async (path, sent) => {
    const access = [{ url: `${server.url}/private`, credential: { kind: 'basic', username: 'me', password: 'x:y' } as const, ca: null }];

    await text(clientWith({ access }), server.url + path);

    const basic = `Basic ${Buffer.from('me:x:y').toString('base64')}`;
    expect(server.requests[0]?.headers.authorization).toBe(sent ? basic : undefined);
  });

  it('prefers the longest prefix', async () => {
    const access = ['/', '/a/b', '/a'].map((path) => ({ url: server.url + path, credential: { kind: 'bearer', token: path } as const, ca: null }));

    await text(clientWith({ access }), `${server.url}/a/b/c`);

    expect(server.requests[0]?.headers.authorization).toBe('Bearer /a/b');
  });

  describe('its circuit breaker', () => {
    it('opens after failures in a row, says so at once, and closes after a probe', async () => {
      const states: string[] = [];
      server.answer((_request, response) => void response.writeHead(500).end());
      const client = clientWith({ retry: { attempts: 1 }, breaker: { failures: 3, openMs: 100 }, onCircuit: (state) => states.push(state) });
      for (let times = 0; times < 3; times += 1) {
        await expect(client.get({ url: server.url })).rejects.toMatchObject({ code: 'upstream-unavailable' });
      }

      await expect(client.get({ url: server.url })).rejects.toMatchObject({ code: 'upstream-unavailable', retryAfterMs: expect.any(Number) as number });
      expect(server.requests).toHaveLength(3);
      expect(await text(client, other.url)).toBe('other');

      server.answer((_request, response) => void response.end('back'));
      await new Promise((resolve) => setTimeout(resolve, 120));
      expect(await text(client, server.url)).toBe('back');
      expect(states).toEqual(['open', 'closed']);
    });

    it.each([404, 401, 429, 400])('is not moved by %i', async (status) => {
      server.answer((_request, response) => void response.writeHead(status).end());
      const client = clientWith({ retry: { attempts: 1 }, breaker: { failures: 2 } });

      for (let times = 0; times < 5; times += 1) {
        await client.get({ url: server.url }).catch(() => null);
      }

      expect(server.requests).toHaveLength(5);
    });
  });

  it('reports results and times', async () => {
    const seen: string[] = [];
    const client = clientWith({ retry: { attempts: 1 }, observe: (result, ms) => seen.push(`${result} ${ms >= 0}`) });
    for (const status of [200, 404, 403, 429, 500, 508]) {
      server.answer((_request, response) => void response.writeHead(status).end());
      await client.get({ url: server.url }).catch(() => null);
    }
    await client.get({ url: 'http://10.0.0.1/' }).catch(() => null);
    await client.get({ url: server.url, signal: AbortSignal.abort() }).catch(() => null);

    expect(seen.map((line) => line.split(' ')[0])).toEqual(['ok', 'missing', 'denied', 'rate-limited', 'unavailable', 'loop', 'policy', 'aborted']);
    expect(seen.every((line) => line.endsWith('true'))).toBe(true);
  });

  it('goes through a proxy, but for the loopback interface', async () => {
    const resolve = (): Promise<LookupAddress[]> => Promise.reject(new Error('only the proxy can'));
    const proxied = clientWith({ proxyUrl: other.url, resolve });

    expect(await text(proxied, 'http://registry.example.com/a')).toBe('other');
    expect(await text(proxied, server.url)).toBe('hello');

    expect(other.requests[0]?.url).toBe('http://registry.example.com/a');
    await expect(proxied.get({ url: 'http://169.254.169.254/' })).rejects.toMatchObject({ code: 'policy' });
  });
});
