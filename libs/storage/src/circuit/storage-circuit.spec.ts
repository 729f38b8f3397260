import { ProxyError } from '@oci-package-proxy/errors';
import { bufferBlob, EMPTY_DESCRIPTOR, MANIFEST_MEDIA_TYPE, manifestBytes, type Registry, RemoteRegistry } from '@oci-package-proxy/oci';
import { eventually, type Interceptor, type ScriptedRegistry, startScriptedRegistry } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { StorageCircuit, type StorageCircuitOptions } from './storage-circuit.ts';
import { withCircuit } from './with-circuit.ts';

const MANIFEST = manifestBytes({ schemaVersion: 2, mediaType: MANIFEST_MEDIA_TYPE, artifactType: 'application/vnd.example', config: EMPTY_DESCRIPTOR, layers: [] });
const isBase = (url: string | undefined): boolean => url === '/v2/';

let server: ScriptedRegistry;
let lines: string[];
let opened: { readonly registry: Registry; readonly probe: Registry }[];

beforeEach(async () => {
  server = await startScriptedRegistry();
  lines = [];
  opened = [];
});

afterEach(async () => {
  for (const { registry, probe } of opened) {
    await registry.close();
    await probe.close();
  }
  await server.stop();
});

function guarded(options: Partial<StorageCircuitOptions> & { readonly deadlineMs?: number } = {}): { registry: Registry; circuit: StorageCircuit } {
  const { deadlineMs = 10_000, ...rest } = options;
  const probe = new RemoteRegistry({ url: server.url, retry: { attempts: 1, baseMs: 0 } });
  const logger = { warn: (_fields: object, text: string) => void lines.push(text), info: (_fields: object, text: string) => void lines.push(text) };
  const circuit = new StorageCircuit({ probe: (signal) => probe.check({ signal }), logger, slowMs: 100, probeMs: 200, againMs: 50, trialMs: 60_000, ...rest });
  const registry = withCircuit(new RemoteRegistry({ url: server.url, retry: { attempts: 2, baseMs: 5 } }), circuit, { deadlineMs });
  opened.push({ registry, probe });
  return { registry, circuit };
}

function failure(work: Promise<unknown>): Promise<{ readonly code: string; readonly ms: number; readonly message: string }> {
  const begun = performance.now();
  return work.then(() => ({ code: 'none', ms: 0, message: '' }), (error: unknown) => ({ code: error instanceof ProxyError ? error.code : 'other', ms: performance.now() - begun, message: String(error) }));
}

/** Never answers, and lets go of the connection when the test does. */
const hang: Interceptor = () => true;

describe('storage that is away', () => {
  it.each<[string, Interceptor, string]>([
    ['fails', (_request, response) => response.writeHead(503).end() !== undefined, 'storage-unavailable'],
    ['hangs', hang, 'storage-unavailable'],
    ['breaks connections', (_request, response) => response.socket?.destroy() !== undefined, 'storage-unavailable'],
    ['has a gateway that answers 404 in its place', (_request, response) => response.writeHead(404).end() !== undefined, 'storage-unavailable'],
    ['refuses the credential', (_request, response) => response.writeHead(401).end() !== undefined, 'storage-denied'],
  ])('and %s is waited for once, asked by probes alone, and used again as soon as it is back', async (_how, broken, code) => {
    const { registry, circuit } = guarded();
    let asked = 0;
    server.intercept((request, response) => {
      asked += isBase(request.url) ? 0 : 1;
      return broken(request, response);
    });

    const first = await failure(registry.repository('a').readManifest('1.0.0'));
    await eventually('away', async () => circuit.outage !== null, 3_000);
    const before = asked;
    const others = await Promise.all(Array.from({ length: 20 }, async () => failure(registry.repository('a').readManifest('1.0.0'))));

    expect(first).toMatchObject({ code });
    expect(first.ms).toBeLessThan(1_500);
    expect(others.map((other) => other.code)).toEqual(others.map(() => code));
    expect(Math.max(...others.map(({ ms }) => ms))).toBeLessThan(100);
    expect(asked).toBe(before);

    server.intercept(() => false);
    await eventually('back', async () => (await failure(registry.repository('a').readManifest('1.0.0'))).code === 'none', 3_000);

    expect(lines).toEqual([expect.stringContaining('storage is away'), 'storage is back']);
  });

  it.each<[string, Interceptor]>([
    ['is answered 429', (_request, response) => response.writeHead(429).end() !== undefined],
    ['breaks off', (_request, response) => response.socket?.destroy() !== undefined],
  ])('is not what one probe that %s makes of it: a registry that is there fails some requests', async (_how, broken) => {
    const { registry, circuit } = guarded();
    let asked = 0;
    server.intercept((request, response) => {
      asked += isBase(request.url) ? 1 : 0;
      return !isBase(request.url) || asked === 1 ? broken(request, response) : false;
    });

    await failure(registry.repository('a').readManifest('1.0.0'));
    await eventually('it was asked twice', async () => asked === 2, 3_000);
    server.intercept(() => false);

    expect(await failure(registry.repository('a').readManifest('1.0.0'))).toMatchObject({ code: 'none' });
    expect([circuit.outage, lines]).toEqual([null, []]);
  });

  it('lets go of lists and uploads that are under way', async () => {
    const { registry } = guarded();
    server.intercept(hang);
    const list = async (): Promise<void> => {
      for await (const page of registry.repository('a').listTags()) {
        expect(page).toEqual([]);
      }
    };

    const [listed, uploaded] = await Promise.all([failure(list()), failure(registry.repository('a').writeBlob(bufferBlob(Buffer.from('x'))))]);

    expect([listed.code, uploaded.code]).toEqual(['storage-unavailable', 'storage-unavailable']);
  });

  it('is found to be back by a request, where the probe asks what the registry does not do', async () => {
    const { registry, circuit } = guarded({ trialMs: 100 });
    server.intercept((_request, response) => response.writeHead(500).end() !== undefined);
    await failure(registry.repository('a').readManifest('1.0.0'));
    await eventually('away', async () => circuit.outage !== null, 3_000);

    server.intercept((request, response) => isBase(request.url) && response.writeHead(500).end() !== undefined);

    await eventually('back', async () => (await failure(registry.repository('a').readManifest('1.0.0'))).code === 'none', 3_000);
    expect(circuit.outage).toBeNull();
  });
});

describe('storage that is there', () => {
  it('is not given up for one package that fails', async () => {
    const { registry, circuit } = guarded();
    server.intercept((request, response) => request.url?.startsWith('/v2/bad/') === true && response.writeHead(500).end() !== undefined);

    const bad = await failure(registry.repository('bad').readManifest('1.0.0'));
    await eventually('asked', async () => server.requests.some(({ url }) => isBase(url)), 3_000);
    const good = await failure(registry.repository('good').readManifest('1.0.0'));

    expect([bad.code, good.code, circuit.outage]).toEqual(['storage-unavailable', 'none', null]);
  });

  it('may be slow', async () => {
    const { registry, circuit } = guarded({ slowMs: 20 });
    server.intercept((request, response) => !isBase(request.url) && setTimeout(() => response.writeHead(404).end(), 300) !== undefined);

    expect(await registry.repository('a').readManifest('1.0.0')).toBeNull();
    expect(circuit.outage).toBeNull();
    expect(server.requests.filter(({ url }) => isBase(url)).length).toBeGreaterThan(1);
  });

  it('is not waited for without end, except for uploads', async () => {
    const { registry } = guarded({ deadlineMs: 150 });
    server.intercept((request, response) => {
      const slow = !isBase(request.url);
      return slow && setTimeout(() => response.writeHead(request.method === 'HEAD' ? 200 : 404, { 'content-length': '1' }).end(), 600) !== undefined;
    });

    const read = await failure(registry.repository('a').readManifest('1.0.0'));
    const upload = await failure(registry.repository('a').writeBlob(bufferBlob(Buffer.from('x'))));

    expect(read).toMatchObject({ code: 'storage-unavailable', message: expect.stringMatching(/reading manifest 1\.0\.0 of a: storage was not done within/) as string });
    expect(upload.code).toBe('none');
  });

  it('is known to take no writes until it takes one, or until nobody has tried for long', async () => {
    let now = 1_000_000;
    const { registry, circuit } = guarded({ clock: () => now });
    const repository = registry.repository('a');
    await repository.writeBlob(bufferBlob(Buffer.from('{}')));
    server.intercept((request, response) => request.method === 'PUT' && response.writeHead(405).end() !== undefined);

    await failure(repository.writeManifest(MANIFEST, { tag: 't' }));
    const refused = circuit.refusal;
    server.intercept(() => false);
    await repository.writeManifest(MANIFEST, { tag: 't' });
    const taken = circuit.refusal;
    server.intercept((request, response) => request.method === 'PUT' && response.writeHead(405).end() !== undefined);
    await failure(repository.writeManifest(MANIFEST, { tag: 'u' }));
    const again = circuit.refusal;
    now += 120_001;

    expect([refused?.code, taken, again?.code, circuit.refusal, circuit.outage]).toEqual(['storage-read-only', null, 'storage-read-only', null, null]);
  });
});
