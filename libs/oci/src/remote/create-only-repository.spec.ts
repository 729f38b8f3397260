import { type ScriptedRegistry, startScriptedRegistry } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { digestOf } from '../model/digest.ts';
import { INDEX_MEDIA_TYPE, type ManifestBytes } from '../model/manifest.ts';
import { referencesOf } from '../model/manifest-bytes.ts';
import { isTagCreator, type Repository, type TagCreator } from '../ports/repository.ts';
import { describeRepositoryContract } from '../contract/repository.contract.ts';
import type { RegistryUnderTest } from '../contract/store-under-test.contract.ts';
import { registryProfile } from './profile/known-products.ts';
import { RemoteRegistry } from './remote-registry.ts';

const MANIFEST = /^\/v2\/(.+)\/manifests\/([^/]+)$/;
const DERIVED = /^_(?:snapshot|upstream)/;

/** How registries say that a tag is there and immutable. */
const REFUSALS: readonly (readonly [string, number, string])[] = [
  ['ECR', 400, 'TAG_INVALID'],
  ['ECR by name', 400, 'ImageTagAlreadyExistsException'],
  ['409', 409, 'TAG_ALREADY_EXISTS'],
  ['Harbor', 412, 'PRECONDITION'],
  ['zot', 403, 'DENIED'],
  ['Quay', 409, 'MANIFEST_INVALID'],
  ['405', 405, 'UNSUPPORTED'],
];

/** Tags can be put once, but for those that begin like derived ones; manifests name what is there. */
function makeImmutable(server: ScriptedRegistry, [status, code]: readonly [number, string]): void {
  server.intercept((request, response) => {
    const [, repository = '', reference = ''] = MANIFEST.exec(request.url) ?? [];
    if (request.method !== 'PUT' || repository === '') {
      return false;
    }
    const refuse = (how: number, why: string): boolean => response.writeHead(how).end(JSON.stringify({ errors: [{ code: why }] })) !== undefined;
    const standing = server.tags.get(`${repository}:${reference}`);
    if (standing !== undefined && standing !== digestOf(request.body) && !DERIVED.test(reference)) {
      return refuse(status, code);
    }
    const named = referencesOf({ mediaType: request.headers['content-type'] ?? '', bytes: request.body, digest: digestOf(request.body) });
    return !named.every(({ digest }) => server.contents.has(`${repository}@${digest}`)) && refuse(400, 'MANIFEST_BLOB_UNKNOWN');
  });
}

function connect(server: ScriptedRegistry, immutableTags = true): RemoteRegistry {
  return new RemoteRegistry({ url: `${server.url}/team`, retry: { attempts: 3, baseMs: 5 }, profile: registryProfile({ overrides: { immutableTags } }) });
}

async function start(): Promise<RegistryUnderTest> {
  const server = await startScriptedRegistry();
  makeImmutable(server, [400, 'TAG_INVALID']);
  return {
    connect: () => connect(server),
    corrupt: async (repository, digest, bytes) => Promise.resolve(void server.contents.set(`${repository}@${digest}`, { type: 'application/octet-stream', bytes })),
    stop: () => server.stop(),
  };
}

describeRepositoryContract('a registry with immutable tags', start, { createsTags: true, deletesTags: true });

describe('creating tags', () => {
  let server: ScriptedRegistry;
  let registry: RemoteRegistry;
  let repository: Repository & TagCreator;

  beforeEach(async () => {
    server = await startScriptedRegistry();
    registry = connect(server);
    const made = registry.repository('pkg/a');
    repository = isTagCreator(made) ? made : expect.fail();
  });
  afterEach(async () => {
    await registry.close();
    await server.stop();
  });

  function manifest(name: string): ManifestBytes {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: INDEX_MEDIA_TYPE, manifests: [], annotations: { name } }));
    return { mediaType: INDEX_MEDIA_TYPE, digest: digestOf(bytes), bytes };
  }

  /** Another writer's tag, put while ours is on its way: our look before the put did not see it. */
  function rival(answer: readonly [number, string]): void {
    server.intercept((request, response) => {
      if (request.method !== 'PUT') {
        return false;
      }
      server.contents.set(`team/pkg/a@${manifest('rival').digest}`, { type: INDEX_MEDIA_TYPE, bytes: manifest('rival').bytes });
      server.tags.set('team/pkg/a:t', manifest('rival').digest);
      return response.writeHead(answer[0]).end(JSON.stringify({ errors: [{ code: answer[1] }] })) !== undefined;
    });
  }

  it('is only done where an operator says that tags are immutable', async () => {
    const other = connect(server, false);

    expect(isTagCreator(other.repository('pkg/a'))).toBe(false);
    await other.close();
  });

  it('is not what putting the same again is, where nobody says that tags are immutable', async () => {
    server.intercept((request, response) => request.method === 'PUT' && server.tags.has('team/pkg/a:t') && response.writeHead(403).end('{"errors":[{"code":"DENIED"}]}') !== undefined);
    const other = connect(server, false);
    const plain = other.repository('pkg/a');
    await plain.writeManifest(manifest('first'), { tag: 't' });

    await plain.writeManifest(manifest('first'), { tag: 't' });

    await expect(plain.writeManifest(manifest('second'), { tag: 't' })).rejects.toMatchObject({ code: 'storage-denied' });
    await other.close();
  });

  it.each(REFUSALS)('of a rival’s tag is told from a failure: as %s says it', async (_, status, code) => {
    rival([status, code]);

    expect(await repository.createTag('t', manifest('mine'))).toBe(manifest('rival').digest);
  });

  it('that was acknowledged to two returns the one that is there', async () => {
    rival([201, 'NONE']);

    expect(await repository.createTag('t', manifest('mine'))).toBe(manifest('rival').digest);
  });

  it('of a tag that is there puts nothing', async () => {
    await repository.writeManifest(manifest('first'), { tag: 't' });

    expect(await repository.createTag('t', manifest('second'))).toBe(manifest('first').digest);
    expect(server.requests.filter(({ method }) => method === 'PUT')).toHaveLength(1);
  });

  it.each([
    [403, 'DENIED', 'storage-denied'],
    [400, 'MANIFEST_BLOB_UNKNOWN', 'unprocessable'],
    [412, 'PRECONDITION', 'conflict'],
    [404, 'NAME_UNKNOWN', 'storage-denied'],
  ])('that is refused with %i %s, and no tag there, fails', async (status, code, expected) => {
    server.intercept((request, response) => request.method === 'PUT' && response.writeHead(status).end(JSON.stringify({ errors: [{ code }] })) !== undefined);

    await expect(repository.createTag('t', manifest('mine'))).rejects.toMatchObject({ code: expected });
  });

  it('that was acknowledged and is not there is done again', async () => {
    let dropped = 0;
    server.intercept((request, response) => {
      dropped += request.method === 'PUT' ? 1 : 0;
      return request.method === 'PUT' && dropped < 3 && response.writeHead(201).end() !== undefined;
    });

    expect(await repository.createTag('t', manifest('mine'))).toBe(manifest('mine').digest);
    expect(dropped).toBe(3);
  });

  it('whose answer was lost is found to be done', async () => {
    let lost = false;
    server.intercept((request, response) => {
      if (request.method !== 'PUT' || lost) {
        return request.method === 'PUT' && response.writeHead(409).end() !== undefined;
      }
      lost = true;
      server.contents.set(`team/pkg/a@${digestOf(request.body)}`, { type: INDEX_MEDIA_TYPE, bytes: request.body });
      server.tags.set('team/pkg/a:t', digestOf(request.body));
      return response.destroy() !== undefined;
    });

    expect(await repository.createTag('t', manifest('mine'))).toBe(manifest('mine').digest);
  });

  it.each(REFUSALS.filter(([name]) => name !== '405'))('is not how a tag is replaced: that is a conflict, as %s says it', async (_, status, code) => {
    makeImmutable(server, [status, code]);
    await repository.writeManifest(manifest('first'), { tag: 't' });
    await repository.writeManifest(manifest('first'), { tag: 't' });

    await expect(repository.writeManifest(manifest('second'), { tag: 't' })).rejects.toMatchObject({ code: 'conflict' });
    await repository.writeManifest(manifest('second'), { tag: '_snapshot' });
    await repository.writeManifest(manifest('third'), { tag: '_snapshot' });

    expect(await repository.statManifest('t')).toBe(manifest('first').digest);
    expect(await repository.statManifest('_snapshot')).toBe(manifest('third').digest);
  });
});
