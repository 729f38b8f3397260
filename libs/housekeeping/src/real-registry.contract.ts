import { rm } from 'node:fs/promises';

import { type Digest, digestOf, LayoutRegistry, type Registry, RemoteRegistry } from '@oci-package-proxy/oci';
import { Catalogue, isDeletedIn, kindOf, Ledger } from '@oci-package-proxy/storage';
import { type RegistryUnderTest, type StartedRegistry, temporaryDirectory } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { copy } from './copying.ts';
import { reindex } from './reindexing.ts';
import { tagsOf } from './repository-check.ts';
import { fillStore, LOCATOR, refTo } from './sample-store.contract.ts';
import { verify } from './verifying.ts';

const EVERYTHING = { locator: LOCATOR, scope: { kind: 'all' } } as const;
const REPOSITORIES = ['test/acme/left-pad', 'test/pulled', 'test/many', 'system/tokens'];
const LOGGER = { warn: () => undefined };

/** What operators do to a store, on a real registry. The rows of docs/registries.md are named after these descriptions. */
export function describeRealHousekeeping(registry: RegistryUnderTest): void {
  describe(`${registry.server} | ${registry.form}`, () => {
    let started: StartedRegistry;
    let filled: RemoteRegistry;
    const opened: Registry[] = [];

    beforeAll(async () => {
      started = await registry.start();
      filled = connect();
      await fillStore(filled);
    });
    afterAll(async () => {
      await Promise.all(opened.map((client) => client.close()));
      await started.stop();
    });

    function connect(prefix = ''): RemoteRegistry {
      const client = new RemoteRegistry({ ...started.connection, url: `${started.connection.url}${prefix}` });
      opened.push(client);
      return client;
    }

    describe('`verify`, `reindex`', () => {
      it('find what the ledger wrote as it should be', async () => {
        const client = connect();

        const found = await verify({ registry: client, ...EVERYTHING, quick: false });
        const rebuilt = await reindex({ registry: client, ...EVERYTHING, logger: LOGGER });

        expect(found).toMatchObject({ problems: [] });
        expect(found.tags.fact).toBe(14);
        expect(rebuilt).toMatchObject({ packages: 4, listed: 0, failures: [], unread: 0 });
      });

      it('find a file that was damaged, and nothing else', async () => {
        const file = digestOf('file of 1.1.0');
        await started.corrupt(filled.repository('test/acme/left-pad').name, file, Buffer.from('FILE of 1.1.0'));

        const found = await verify({ registry: connect(), ...EVERYTHING, quick: false });

        await started.corrupt(filled.repository('test/acme/left-pad').name, file, Buffer.from('file of 1.1.0'));
        // The claim that decided the version names it too.
        expect(found.problems.filter(({ kind }) => kind !== 'claim')).toMatchObject([{ repository: 'test/acme/left-pad', tag: '1.1.0', what: 'blob', digest: file }]);
        expect(new Set(found.problems.map(({ digest }) => digest))).toEqual(new Set([file]));
      });
    });

    describe('`copy` to a directory and back', () => {
      it('loses nothing and changes nothing', async () => {
        const directory = await temporaryDirectory('carried');
        const carried = new LayoutRegistry({ directory });
        const restored = connect('/restored');

        const away = await copy({ source: connect(), target: carried, ...EVERYTHING, exclusive: false });
        const back = await copy({ source: carried, target: restored, ...EVERYTHING, exclusive: false });
        const again = await copy({ source: carried, target: restored, ...EVERYTHING, exclusive: false });

        expect([away.problems, back.problems]).toEqual([[], []]);
        expect(again).toMatchObject({ copied: 0, problems: [] });
        expect(await contentOf(restored)).toEqual(await contentOf(filled));
        expect((await verify({ registry: restored, ...EVERYTHING, quick: false })).problems).toEqual([]);
        expect(await foldsOf(restored)).toEqual(await foldsOf(filled));
        await carried.close();
        await rm(directory, { recursive: true, force: true });
      });
    });
  });
}

/** Tags and their digests, without claims, which stay where they were made, and without deleted versions, which need not be gone. */
async function contentOf(registry: Registry): Promise<Readonly<Record<string, Digest | null>>> {
  const content: Record<string, Digest | null> = {};
  for (const name of REPOSITORIES) {
    const [repository, fold] = [registry.repository(name), await new Ledger({ registry }).fold({ ecosystem: 'test', name, repository: name })];
    for (const tag of await tagsOf(repository)) {
      if (kindOf(tag) !== 'claim' && !isDeletedIn(fold, tag)) {
        content[`${name}:${tag}`] = await repository.statManifest(tag);
      }
    }
  }
  return content;
}

async function foldsOf(registry: Registry): Promise<readonly string[]> {
  const revisions: string[] = [];
  for await (const name of new Catalogue(registry, false).names('test')) {
    revisions.push(`${name} ${(await new Ledger({ registry }).fold(refTo(name))).revision}`);
  }
  return revisions.toSorted();
}
