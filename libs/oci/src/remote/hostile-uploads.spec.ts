import type { IncomingHttpHeaders, ServerResponse } from 'node:http';

import { eventually } from '@oci-package-proxy/testing';
import { describe, expect, it } from 'vitest';

import { digestOf } from '../model/digest.ts';
import { BASIC, blob, BYTES, contentOf, expectNamed, hostile, type HostileRegistry, index, manifest, SECRET, useHostileRegistry } from './hostile.contract.ts';
import { registryProfile } from './profile/known-products.ts';

const BIG = Buffer.alloc(3_000_000, 7);

describe('uploads to a hostile registry', () => {
  useHostileRegistry();

  for (const when of ['after the whole body', 'before the body was read, with the connection closed'] as const) {
    hostile('401 in mid-upload', `${when}, it is sent again with a new token`, async (registry) => {
      const { server } = registry;
      const challenge = { 'www-authenticate': `Bearer realm="${server.url}/token",service="registry"` };
      let issued = 0;
      let refused = 0;
      const refuse = (request: { method: string; headers: IncomingHttpHeaders }, response: ServerResponse): boolean => {
        const old = request.method === 'PUT' && request.headers.authorization === `Bearer ${SECRET}-1`;
        refused += old ? 1 : 0;
        return old && response.writeHead(401, { ...challenge, connection: 'close' }).end() !== undefined;
      };
      server.answerEarly((request, response) => when !== 'after the whole body' && refuse(request, response));
      server.intercept((request, response) => {
        if (request.url.startsWith('/token')) {
          issued += 1;
          return response.writeHead(200).end(`{"token":"${SECRET}-${issued}"}`) !== undefined;
        }
        return refuse(request, response) || (request.headers.authorization === undefined && response.writeHead(401, challenge).end() !== undefined);
      });

      await registry.repository().writeBlob(blob(BIG));

      expect(refused).toBeGreaterThanOrEqual(1);
      expect(issued).toBe(2);
      expect(server.contents.get(`team/pkg/a@${digestOf(BIG)}`)?.bytes.equals(BIG)).toBe(true);
    });
  }

  hostile('401 in mid-upload', 'for good, it is refused by name and nothing is stored', async (registry) => {
    registry.misbehave((request, response) => request.method === 'PUT' && response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end() !== undefined);

    const error = await registry.failure(registry.repository().writeBlob(blob(BYTES)));

    expect(error.code).toBe('storage-denied');
    expectNamed(error, 'uploading sha256:');
    expect(registry.server.contents.size).toBe(0);
  });

  const follows = (location: (url: string) => string) => async (registry: HostileRegistry): Promise<void> => {
    registry.misbehave((request, response) => request.method === 'POST' && response.writeHead(202, { location: location(registry.server.url) }).end() !== undefined);

    await registry.repository().writeBlob(blob(BYTES));

    expect(registry.sent('PUT')).toEqual([`PUT /v2/team/pkg/a/blobs/uploads/7?_state=x%2Fy&digest=${encodeURIComponent(digestOf(BYTES))}`]);
    expect(await contentOf(registry.repository(), BYTES)).toEqual(BYTES);
  };

  hostile('relative Location', 'to the host is followed to the letter', follows(() => '/v2/team/pkg/a/blobs/uploads/7?_state=x%2Fy'));
  hostile('relative Location', 'to the request is followed to the letter', follows(() => '7?_state=x%2Fy'));
  hostile('absolute Location', 'is followed to the letter', follows((url) => `${url}/v2/team/pkg/a/blobs/uploads/7?_state=x%2Fy#part`));

  hostile('cross-host Location', 'gets the bytes and no credential', async (registry) => {
    const store = await registry.elsewhere((request, response) => {
      registry.server.contents.set(`team/pkg/a@${digestOf(request.body)}`, { type: '', bytes: request.body });
      response.writeHead(201).end();
    });
    registry.misbehave((request, response) => request.method === 'POST' && response.writeHead(202, { location: `${store.url}/up?signature=${SECRET}` }).end() !== undefined);

    await registry.repository().writeBlob(blob(BYTES));

    expect(store.requests.map(({ method, url, body }) => [method, url.startsWith(`/up?signature=${SECRET}&digest=`), body.toString()])).toEqual([['PUT', true, BYTES.toString()]]);
  });

  hostile('cross-host Location', 'that fails or wants a credential is named, without its query', async (registry) => {
    for (const [status, code] of [[401, 'storage-denied'], [503, 'storage-unavailable']] as const) {
      const store = await registry.elsewhere((_request, response) => void response.writeHead(status, { 'www-authenticate': 'Basic realm="r"' }).end());
      registry.misbehave((request, response) => request.method === 'POST' && response.writeHead(202, { location: `${store.url}/up?signature=${SECRET}` }).end() !== undefined);

      const error = await registry.failure(registry.repository().writeBlob(blob(BYTES)));

      expect(error.code).toBe(code);
      expectNamed(error, 'uploading sha256:');
      expect(error.message).toContain(`${new URL(store.url).host}, where the registry sent us,`);
    }
  });

  for (const location of [undefined, 'ftp://example.com/x', 'http://']) {
    hostile('relative Location', `that is ${location ?? 'missing'} fails by name`, async (registry) => {
      registry.misbehave((request, response) => request.method === 'POST' && response.writeHead(202, location === undefined ? {} : { location }).end() !== undefined);

      expectNamed(await registry.failure(registry.repository().writeBlob(blob(BYTES))), 'beginning the upload of sha256:');
    });
  }

  hostile('307 to another origin', 'is followed by reads, without the credential', async (registry) => {
    const store = await registry.elsewhere((request, response) => void response.writeHead(200, { 'content-length': BYTES.length }).end(request.method === 'HEAD' ? undefined : BYTES));
    registry.misbehave((_request, response) => response.writeHead(307, { location: `${store.url}/x?signature=${SECRET}` }).end() !== undefined);

    expect(await contentOf(registry.repository(), BYTES)).toEqual(BYTES);
    expect(await registry.repository().statBlob(digestOf(BYTES))).toBe(BYTES.length);
    expect(store.requests).toHaveLength(2);
  });

  for (const [method, operation] of [['POST', 'beginning the upload of'], ['PUT', 'uploading']] as const) {
    hostile('307 to another origin', `is not followed by a ${method}`, async (registry) => {
      const store = await registry.elsewhere((_request, response) => void response.writeHead(201).end());
      registry.misbehave((request, response) => request.method === method && response.writeHead(307, { location: `${store.url}/x?signature=${SECRET}` }).end() !== undefined);

      const error = await registry.failure(registry.repository().writeBlob(blob(BYTES)));

      expect([error.code, store.requests.length]).toEqual(['storage-unavailable', 0]);
      expectNamed(error, operation);
    });
  }

  hostile('307 to another origin', 'and back to the registry is answered with the credential there', async (registry) => {
    const store = await registry.elsewhere((_request, response) => void response.writeHead(307, { location: `${registry.server.url}/v2/team/pkg/a/real` }).end());
    registry.misbehave((request, response) => {
      const real = request.url.endsWith('/real');
      response.writeHead(real ? 200 : 307, real ? { 'content-length': BYTES.length } : { location: `${store.url}/x` }).end(real ? BYTES : undefined);
      return true;
    });

    expect(await contentOf(registry.repository(), BYTES)).toEqual(BYTES);
    expect(store.requests[0]?.headers.authorization).toBeUndefined();
  });

  hostile('201 that was not applied', 'to a tag is put again until it shows', async (registry) => {
    let dropped = 0;
    registry.misbehave((request, response) => {
      dropped += request.method === 'PUT' ? 1 : 0;
      return request.method === 'PUT' && dropped < 3 && response.writeHead(201).end() !== undefined;
    });
    const repository = registry.repository();

    await repository.writeManifest(manifest({ v: '1' }), { tag: '1.0.0' });

    expect(registry.server.tags.get('team/pkg/a:1.0.0')).toBe(manifest({ v: '1' }).digest);
  });

  hostile('201 that was not applied', 'to a tag that never shows fails the call', async (registry) => {
    registry.misbehave((request, response) => request.method === 'PUT' && response.writeHead(201).end() !== undefined);

    const error = await registry.failure(registry.repository().writeManifest(manifest(), { tag: '1.0.0' }));

    expect(error.code).toBe('storage-unavailable');
    expectNamed(error, 'writing tag 1.0.0');
  });

  hostile('201 that was not applied', 'by a gateway that answers 200 to everything fails the call', async (registry) => {
    registry.misbehave((request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(request.method === 'HEAD' ? undefined : `<html>${SECRET}`) !== undefined);

    const error = await registry.failure(registry.repository().writeManifest(manifest(), { tag: '1.0.0' }));

    expect(error.code).toBe('storage-unavailable');
    expectNamed(error, 'manifest 1.0.0');
    expect(await registry.failure(registry.repository().statManifest(manifest().digest))).toMatchObject({ code: 'integrity' });
  });

  hostile('201 that was not applied', 'to a child of an index is put again until it shows, where nobody looks for children', async (registry) => {
    let dropped = 0;
    registry.misbehave((request, response) => {
      const isChild = request.method === 'PUT' && request.url.endsWith(manifest().digest);
      dropped += isChild ? 1 : 0;
      return isChild && dropped < 3 && response.writeHead(201, { 'docker-content-digest': manifest().digest }).end() !== undefined;
    });
    const repository = registry.repository();

    await repository.writeManifest(manifest());
    await repository.writeManifest(index(manifest()), { tag: '1.0.0' });

    expect(dropped).toBe(3);
    expect((await repository.readManifest(manifest().digest))?.bytes).toEqual(manifest().bytes);
  });

  hostile('201 that was not applied', 'to a child that never shows fails the call', async (registry) => {
    registry.misbehave((request, response) => request.method === 'PUT' && response.writeHead(201).end() !== undefined);

    const error = await registry.failure(registry.repository().writeManifest(manifest()));

    expect(error.code).toBe('storage-unavailable');
    expectNamed(error, 'writing manifest sha256:');
    expect(registry.sent('PUT')).toHaveLength(4);
  });

  for (const chunks of [false, true]) {
    hostile('201 that was not applied', `to a blob ${chunks ? 'in chunks ' : ''}is uploaded again until it shows, where nobody looks for blobs`, async (registry) => {
      let dropped = 0;
      registry.misbehave((request, response) => {
        const isLast = request.method === 'PUT' && request.url.includes('/blobs/');
        dropped += isLast ? 1 : 0;
        if (request.method === 'PATCH' || (isLast && dropped < 3)) {
          return response.writeHead(isLast ? 201 : 202).end() !== undefined;
        }
        if (isLast) {
          registry.server.contents.set(`team/pkg/a@${digestOf(BYTES)}`, { type: '', bytes: BYTES });
        }
        return isLast && response.writeHead(201).end() !== undefined;
      });
      const repository = registry.repository(chunks ? { profile: registryProfile({ overrides: { uploadChunkBytes: 10 } }) } : {});

      await repository.writeBlob(blob(BYTES));
      await repository.writeManifest(manifest(), { tag: '1.0.0' });

      expect(dropped).toBe(3);
      expect(await contentOf(repository, BYTES)).toEqual(BYTES);
    });
  }

  hostile('201 that was not applied', 'to a blob that never shows fails the call, and the next one too', async (registry) => {
    registry.misbehave((request, response) => request.method === 'PUT' && response.writeHead(201).end() !== undefined);
    const repository = registry.repository();

    for (const uploads of [3, 6]) {
      const error = await registry.failure(repository.writeBlob(blob(BYTES)));

      expect(error.code).toBe('storage-unavailable');
      expectNamed(error, 'looking for uploaded blob sha256:');
      expect(registry.sent('PUT')).toHaveLength(uploads);
    }
  });

  for (const status of [200, 403, 405]) {
    hostile('201 that was not applied', `is not what a store means that answers ${status} to every HEAD`, async (registry) => {
      const store = await registry.elsewhere((_request, response) => void response.writeHead(status).end());
      registry.misbehave((request, response) => request.method === 'HEAD' && response.writeHead(307, { location: `${store.url}/x?signature=${SECRET}` }).end() !== undefined);

      await registry.repository().writeBlob(blob(BYTES));

      expect(registry.sent('PUT')).toHaveLength(1);
    });
  }

  hostile('201 that was not applied', 'but for a moment shows in the manifest, and the blob is uploaded again', async (registry) => {
    registry.misbehave((request, response) => {
      const isManifest = request.method === 'PUT' && request.url.includes('/manifests/');
      const known = registry.server.contents.has(`team/pkg/a@${digestOf(BYTES)}`);
      return isManifest && !known && response.writeHead(400).end('{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}') !== undefined;
    });
    const repository = registry.repository();
    await repository.writeBlob(blob(BYTES));
    registry.server.contents.clear();

    const error = await registry.failure(repository.writeManifest(manifest(), { tag: '1.0.0' }));
    await repository.writeBlob(blob(BYTES));
    await repository.writeManifest(manifest(), { tag: '1.0.0' });

    expect(error.code).toBe('unprocessable');
    expectNamed(error, 'writing manifest 1.0.0');
    expect(await contentOf(repository, BYTES)).toEqual(BYTES);
  });

  hostile('lost concurrent first push', 'of one tag by two writers loses neither manifest', async (registry) => {
    const { server } = registry;
    let first = true;
    registry.misbehave((request, response) => {
      if (request.method !== 'PUT' || !first) {
        return false;
      }
      // The one that comes second gets its 201 all the same, and is dropped.
      first = false;
      return response.writeHead(201, { 'docker-content-digest': digestOf(request.body) }).end() !== undefined;
    });
    const [one, two] = [manifest({ by: 'one' }), manifest({ by: 'two' })];

    await Promise.all([registry.repository().writeManifest(one, { tag: '1.0.0' }), registry.repository().writeManifest(two, { tag: '1.0.0' })]);

    expect([one.digest, two.digest]).toContain(server.tags.get('team/pkg/a:1.0.0'));
    expect([one, two].map(({ digest }) => server.contents.has(`team/pkg/a@${digest}`))).toEqual([true, true]);
  });

  hostile('lost concurrent first push', 'of a tag that another tag’s push drops is put again', async (registry) => {
    const { server } = registry;
    const dropped = Promise.withResolvers<void>();
    let puts = 0;
    registry.misbehave(async (request) => {
      puts += request.method === 'PUT' ? 1 : 0;
      if (request.method === 'PUT' && request.url.endsWith('/b')) {
        // A store that reads its list of tags, changes it and writes it: what came in between is gone.
        server.tags.delete('team/pkg/a:a');
        dropped.resolve();
      }
      if (request.method === 'HEAD' && request.url.endsWith('/a')) {
        await dropped.promise;
      }
      return false;
    });
    const first = registry.repository().writeManifest(manifest({ tag: 'a' }), { tag: 'a' });
    await eventually('a is put', async () => Promise.resolve(server.tags.has('team/pkg/a:a')));

    await Promise.all([first, registry.repository().writeManifest(manifest({ tag: 'b' }), { tag: 'b' })]);

    expect([...server.tags.keys()].toSorted()).toEqual(['team/pkg/a:a', 'team/pkg/a:b']);
    expect(puts).toBe(3);
  });

  it('uses the credential that the suite looks for', () => {
    expect(Buffer.from(BASIC.slice(6), 'base64').toString()).toContain(SECRET);
  });
});
