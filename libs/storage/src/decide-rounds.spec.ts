import { isProxyError } from '@oci-package-proxy/errors';
import {
  bufferBlob,
  type Digest,
  EMPTY_BYTES,
  EMPTY_DESCRIPTOR,
  type Gate,
  INDEX_MEDIA_TYPE,
  isManifest,
  MANIFEST_MEDIA_TYPE,
  type ManifestBytes,
  manifestBytes,
  MemoryRegistry,
  parseManifest,
  RemoteRegistry,
  type Repository,
} from '@oci-package-proxy/oci';
import { startDockerRegistry } from '@oci-package-proxy/testing';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';

import { decideTag } from './decide-rounds.ts';
import { markerManifest } from './marker.ts';
import { claimSubject, claimTag } from './tags.ts';

const NAME = 'test/left-pad';
const TAG = '1.0.0';
const SUBJECT = claimSubject(TAG);
const QUICK = { sleep: async (): Promise<void> => Promise.resolve() };
const MINE = marker('mine');
const THEIRS = marker('theirs');

let registry: MemoryRegistry;
let repository: Repository;

beforeEach(async () => {
  registry = new MemoryRegistry();
  repository = registry.repository(NAME);
  await repository.writeBlob(bufferBlob(EMPTY_BYTES));
});

describe('a tag', () => {
  test('is decided by the store where that creates tags without replacing', async () => {
    const creating = new MemoryRegistry({ createOnly: true });
    const store = creating.repository(NAME);
    await store.writeBlob(bufferBlob(EMPTY_BYTES));

    const winners = [await decideTag(store, TAG, MINE), await decideTag(store, TAG, THEIRS)];

    expect(winners).toEqual([MINE.digest, MINE.digest]);
    expect(await tagsOf(store)).toEqual([TAG]);
  });

  test('that exists costs one request', async () => {
    await repository.writeManifest(THEIRS, { tag: TAG });
    const before = registry.operations.length;

    const winner = await decideTag(repository, TAG, MINE);

    expect(winner).toBe(THEIRS.digest);
    expect(registry.operations.slice(before).map(({ kind }) => kind)).toEqual(['stat-manifest']);
  });

  test('that nobody else wants takes one round', async () => {
    const before = registry.operations.length;

    const winner = await decideTag(repository, TAG, MINE);

    expect(winner).toBe(MINE.digest);
    expect(await repository.statManifest(TAG)).toBe(MINE.digest);
    expect(registry.operations.slice(before).map(({ kind }) => kind)).toEqual([
      'stat-manifest', 'write-blob', 'write-blob',
      'write-manifest', 'list-page', 'write-manifest', 'list-page',
      'stat-manifest', 'write-manifest', 'stat-manifest',
      'stat-manifest',
    ]);
    expect(await tagsOf(repository)).toEqual([TAG, claim(MINE, 'a'), claim(MINE, 'b', 'c')].toSorted());
  });

  test('is decided apart from every other tag', async () => {
    await decideTag(repository, '2.0.0', THEIRS);

    expect(await decideTag(repository, TAG, MINE)).toBe(MINE.digest);
    expect(await decideTag(repository, '2.0.0', MINE)).toBe(THEIRS.digest);
  });

  test('whose writer died after it proposed goes to the next one', async () => {
    await playUntil(repository, { manifest: THEIRS, requests: 4 });
    const slept: number[] = [];

    const winner = await decideTag(repository, TAG, MINE, { random: () => 0.5, sleep: async (ms) => void slept.push(ms) });

    expect(winner).toBe(MINE.digest);
    expect(slept).toEqual([25]);
  });
});

describe('what was decided and not put is finished by the next caller', () => {
  const file = bufferBlob(Buffer.from('the file'));
  test.each([
    { name: 'a manifest', manifest: version([file.digest], file.size, 'small') },
    { name: 'a manifest that is too large for an inline copy', manifest: version([file.digest], file.size, 'x'.repeat(600 * 1024)) },
    {
      name: 'an index',
      manifest: manifestBytes({ schemaVersion: 2, mediaType: INDEX_MEDIA_TYPE, manifests: [{ mediaType: MANIFEST_MEDIA_TYPE, digest: THEIRS.digest, size: THEIRS.bytes.length }] }),
    },
  ])('$name', async ({ manifest }) => {
    await repository.writeBlob(file);
    await repository.writeManifest(THEIRS);
    // HEAD, two blobs, (the carrier,) a-claim, list, b-claim, list.
    await playUntil(repository, { manifest, requests: manifest.mediaType === INDEX_MEDIA_TYPE ? 8 : 7 });
    expect(await repository.statManifest(TAG)).toBeNull();

    const winner = await decideTag(repository, TAG, MINE, QUICK);

    expect(winner).toBe(manifest.digest);
    expect(await repository.readManifest(TAG)).toEqual(manifest);
  });

  test('and its claim names all its blobs, so that the registry keeps them', async () => {
    await repository.writeBlob(file);
    const manifest = version([file.digest], file.size, 'small');

    await decideTag(repository, TAG, manifest);

    const stored = await repository.readManifest(claim(manifest, 'a'));
    const parsed = stored === null ? null : parseManifest(stored);
    expect(parsed !== null && isManifest(parsed) ? parsed.layers.map(({ digest }) => digest) : null).toEqual([manifest.digest, EMPTY_DESCRIPTOR.digest, file.digest]);
  });
});

describe('a registry that does not do what it says', () => {
  test.each([
    { name: 'the a-claim', dropped: claim(MINE, 'a') },
    { name: 'the b-claim', dropped: claim(MINE, 'b', 'c') },
    { name: 'the tag', dropped: TAG },
  ])('loses $name once: it is put again', async ({ dropped }) => {
    const gated = registry.view({ gate: dropping(dropped, 1) }).repository(NAME);

    expect(await decideTag(gated, TAG, MINE)).toBe(MINE.digest);
    expect(await repository.statManifest(TAG)).toBe(MINE.digest);
  });

  test.each([
    { name: 'the a-claim', dropped: claim(MINE, 'a'), text: /does not list it/ },
    { name: 'the tag', dropped: TAG, text: /does not show it/ },
  ])('loses $name always: nobody is told that it won', async ({ dropped, text }) => {
    const gated = registry.view({ gate: dropping(dropped, 100) }).repository(NAME);

    await expect(decideTag(gated, TAG, MINE)).rejects.toMatchObject({ code: 'storage-unavailable', message: expect.stringMatching(text) });
  });

  test('shows votes for two digests in one round: it does not list what it acknowledged', async () => {
    for (const tag of [claim(THEIRS, 'b', 'c'), claim(marker('third'), 'b', 'c')]) {
      await repository.writeManifest(marker(tag), { tag });
    }

    await expect(decideTag(repository, TAG, MINE, QUICK)).rejects.toMatchObject({ code: 'integrity' });
  });

  test.each([
    { name: 'nothing', found: null },
    { name: 'another manifest', found: marker('no claim') },
  ])('has $name where a decided proposal was', async ({ found }) => {
    if (found !== null) {
      await repository.writeManifest(found, { tag: claim(THEIRS, 'a') });
    }
    await repository.writeManifest(marker('a vote'), { tag: claim(THEIRS, 'b', 'c') });

    await expect(decideTag(repository, TAG, MINE, QUICK)).rejects.toMatchObject({ code: 'integrity' });
  });
});

describe('a push past the rounds', () => {
  test('before the put is left alone, and is the answer', async () => {
    const gated = registry.view({ gate: once('write-manifest', claim(MINE, 'b', 'c'), async () => repository.writeManifest(THEIRS, { tag: TAG })) }).repository(NAME);

    expect(await decideTag(gated, TAG, MINE)).toBe(THEIRS.digest);
    expect(await repository.statManifest(TAG)).toBe(THEIRS.digest);
  });

  test('right after the put is an error, not an answer', async () => {
    const gated = registry.view({ gate: { after: async ({ kind, reference }) => (kind === 'write-manifest' && reference === TAG ? repository.writeManifest(THEIRS, { tag: TAG }) : undefined) } }).repository(NAME);

    await expect(decideTag(gated, TAG, MINE)).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('past this proxy') });
  });
});

describe('rivals', () => {
  test('back off longer each round, and two seconds at most; nobody waits in rounds that are history', async () => {
    // Rivals that died after they proposed, in rounds 0 to 8.
    for (let round = 0; round <= 8; round += 1) {
      const tag = claimTag({ subject: SUBJECT, round, phase: 'a', digest: THEIRS.digest.slice(7), vote: null });
      await repository.writeManifest(marker(tag), { tag });
    }
    const slept: number[] = [];
    const sleep = async (ms: number): Promise<void> => void slept.push(ms);

    const winner = await decideTag(repository, TAG, MINE, { random: () => 0.5, sleep });

    expect(winner).toBe(MINE.digest);
    expect(slept).toEqual([1000]);
  });

  test('stop when their caller gives up, also while they wait', async () => {
    await playUntil(repository, { manifest: THEIRS, requests: 4 });
    const controller = new AbortController();
    const waiting = decideTag(repository, TAG, MINE, { signal: controller.signal, random: () => 0.999 });
    setTimeout(() => controller.abort(), 5);

    await expect(waiting).rejects.toSatisfy((error) => isProxyError(error, 'aborted'));
  });
});

describe.each([{ deletes: false }, { deletes: true }])('docker-registry with deletes $deletes', ({ deletes }) => {
  test('twenty proposers through two clients: one winner, and everyone is told', async () => {
    const server = await startDockerRegistry({ deletes });
    const clients = [new RemoteRegistry({ url: `${server.url}/prefix` }), new RemoteRegistry({ url: `${server.url}/prefix` })];
    onTestFinished(async () => {
      await Promise.all(clients.map((client) => client.close()));
      await server.stop();
    });
    const [store] = clients.map((client) => client.repository(NAME));
    await store?.writeBlob(bufferBlob(EMPTY_BYTES));
    const proposers = Array.from({ length: 20 }, (_, index) => ({ client: clients[index % 2], manifest: marker(`proposal ${index % 16}`) }));

    const winners = await Promise.all(proposers.map(async ({ client, manifest }) => (client === undefined ? null : decideTag(client.repository(NAME), TAG, manifest))));

    expect(new Set(winners).size).toBe(1);
    expect(proposers.map(({ manifest }) => manifest.digest)).toContain(winners[0]);
    expect(await store?.statManifest(TAG)).toBe(winners[0]);
  }, 60_000);
});

function marker(name: string): ManifestBytes {
  return markerManifest('application/vnd.test.v1', name);
}

function version(digests: readonly Digest[], size: number, note: string): ManifestBytes {
  return manifestBytes({
    schemaVersion: 2,
    mediaType: MANIFEST_MEDIA_TYPE,
    artifactType: 'application/vnd.test.v1',
    config: EMPTY_DESCRIPTOR,
    layers: digests.map((digest) => ({ mediaType: 'application/octet-stream', digest, size })),
    annotations: { note },
  });
}

function claim(manifest: ManifestBytes, phase: 'a' | 'b', vote: 'c' | 'n' | null = null): string {
  return claimTag({ subject: SUBJECT, round: 0, phase, digest: manifest.digest.slice('sha256:'.length), vote });
}

/** Proposes, and dies after so many requests. */
async function playUntil(where: Repository, { manifest, requests }: { readonly manifest: ManifestBytes; readonly requests: number }): Promise<void> {
  let left = requests;
  const gate: Gate = {
    before: () => {
      left -= 1;
      if (left < 0) {
        throw new Error('died');
      }
    },
  };
  const dying = registry.view({ gate }).repository(where.name);
  await expect(decideTag(dying, TAG, manifest, QUICK)).rejects.toThrow('died');
}

function dropping(reference: string, times: number): Gate {
  let left = times;
  return {
    before: (operation) => {
      if (operation.kind !== 'write-manifest' || operation.reference !== reference || left === 0) {
        return 'apply';
      }
      left -= 1;
      return 'drop';
    },
  };
}

function once(kind: string, reference: string, run: () => Promise<void>): Gate {
  let done = false;
  return {
    after: async (operation) => {
      if (operation.kind === kind && operation.reference === reference && !done) {
        done = true;
        await run();
      }
    },
  };
}

async function tagsOf(where: Repository): Promise<readonly string[]> {
  const tags: string[] = [];
  for await (const page of where.listTags()) {
    tags.push(...page);
  }
  return tags.toSorted();
}
