import { startDockerRegistry } from '@oci-package-proxy/testing';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { bufferBlob } from '../model/blob-source.ts';
import { manifestBytes } from '../model/manifest-bytes.ts';
import { EMPTY_BYTES, EMPTY_DESCRIPTOR, MANIFEST_MEDIA_TYPE } from '../model/manifest.ts';
import { KnownBlobs } from './known-blobs.ts';
import { RemoteRegistry } from './remote-registry.ts';

const DIGEST = EMPTY_DESCRIPTOR.digest;

describe('KnownBlobs', () => {
  it('knows a blob of one repository for 10 minutes', () => {
    let now = 0;
    const known = new KnownBlobs(() => now);
    known.add('a', DIGEST);

    now = 10 * 60_000 - 1;
    const before = [known.has('a', DIGEST), known.has('b', DIGEST)];
    now += 1;

    expect(before).toEqual([true, false]);
    expect(known.has('a', DIGEST)).toBe(false);
  });

  it('forgets a repository, and no other whose name begins with it', () => {
    const known = new KnownBlobs(() => 0);
    known.add('a', DIGEST);
    known.add('a/b', DIGEST);

    known.forget('a');

    expect([known.has('a', DIGEST), known.has('a/b', DIGEST)]).toEqual([false, true]);
  });

  it('keeps at most 50 000', () => {
    const known = new KnownBlobs(() => 0);

    for (let index = 0; index <= 50_000; index += 1) {
      known.add(String(index), DIGEST);
    }

    expect([known.has('0', DIGEST), known.has('1', DIGEST), known.has('50000', DIGEST)]).toEqual([false, true, true]);
  });

  it('uploads again what the registry lost, after one refused manifest', async () => {
    const server = await startDockerRegistry();
    const registry = new RemoteRegistry({ url: server.url });
    const repository = registry.repository('lost');
    const manifest = manifestBytes({ schemaVersion: 2, mediaType: MANIFEST_MEDIA_TYPE, config: EMPTY_DESCRIPTOR, layers: [EMPTY_DESCRIPTOR] });
    await repository.writeBlob(bufferBlob(EMPTY_BYTES));
    await rm(join(server.directory, 'data/docker/registry/v2/repositories/lost'), { recursive: true });

    await repository.writeBlob(bufferBlob(EMPTY_BYTES));
    const refused = await repository.writeManifest(manifest, { tag: 'x' }).catch((error: unknown) => error);
    await repository.writeBlob(bufferBlob(EMPTY_BYTES));
    await repository.writeManifest(manifest, { tag: 'x' });

    expect(refused).toMatchObject({ code: 'unprocessable' });
    expect(await repository.statManifest('x')).toBe(manifest.digest);
    await registry.close();
    await server.stop();
  });
});
