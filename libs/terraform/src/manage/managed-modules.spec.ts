import { Readable } from 'node:stream';

import { ProxyError } from '@oci-package-proxy/errors';
import type { MemoryOperation } from '@oci-package-proxy/oci';
import { moduleArchive, startTerraformUpstream, type TerraformUpstream } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { NamespaceKeys } from '../keys/namespace-keys.ts';
import { type ModuleAddress, moduleRef } from '../model/address.ts';
import { FILES, NET, OWN, putNet, type SampleModules, startSampleModules, UPSTREAM } from '../modules/sample-modules.contract.ts';
import type { ManagedPackage } from './managed-package.ts';
import { createManagement, type Management } from './management.ts';

const BY = { by: 'carol' };
const OURS: ModuleAddress = { host: OWN, namespace: 'Acme', name: 'net', system: 'aws' };
const PUBLISHED: ManagedPackage = { kind: 'module', address: OURS };
const PULLED: ManagedPackage = { kind: 'module', address: NET };

let upstream: TerraformUpstream;
let sample: SampleModules;
let management: Management;
/** Whether the registry lets tags be deleted. */
let deletable: boolean;

beforeEach(async () => {
  upstream = await startTerraformUpstream();
  putNet(upstream);
  putNet(upstream, FILES, '2.0.0');
  deletable = true;
  sample = await startSampleModules({ upstream, gate: { before: refuseDeletes } });
  const { ledger, hosts } = sample;
  management = createManagement({ ledger, hosts, keys: new NamespaceKeys({ ledger, own: hosts.own }) });
});
afterEach(async () => {
  await sample.close();
  await upstream.close();
});

function refuseDeletes({ kind }: MemoryOperation): void {
  if (kind === 'delete-tag' && !deletable) {
    throw new ProxyError('storage-denied', 'no deletes here');
  }
}

async function publish(version: string): Promise<void> {
  await sample.uploads.publish(OURS, version, { contentType: undefined, stream: Readable.from([moduleArchive({ files: FILES }).bytes]) }, BY);
}

async function hold(version = '1.0.0'): Promise<void> {
  expect(await sample.bytes(NET, version)).not.toBeNull();
  expect(await sample.ingest()).toEqual(['stored']);
}

async function listed(address: ModuleAddress): Promise<readonly string[] | null> {
  return (await sample.modules.versions(address, { fresh: true }))?.versions.toSorted() ?? null;
}

describe('yanks of modules', () => {
  it.each([['published here', PUBLISHED, OURS], ['pulled through', PULLED, NET]])('hide a version that is %s, and leave its archive', async (_what, managed, address) => {
    await publish('1.0.0');
    await publish('2.0.0');

    expect(await management.yanks.yank(managed, '1.0.0', { ...BY, reason: 'broken' })).toMatchObject({ version: '1.0.0', yanked: 'broken', changed: true });

    expect(await listed(address)).toEqual(['2.0.0']);
    expect(await sample.bytes(address)).not.toBeNull();
    expect(await management.yanks.unyank(managed, '1.0.0', BY)).toMatchObject({ yanked: null, changed: true });
    expect(await listed(address)).toEqual(['1.0.0', '2.0.0']);
  });
});

describe('the deletion of modules', () => {
  it('is for good where they were published', async () => {
    await publish('1.0.0');
    await publish('2.0.0');

    expect(await management.removals.version(PUBLISHED, '1.0.0', BY)).toEqual({ name: `${OWN}/Acme/net/aws`, removed: ['1.0.0'], blocked: null, warnings: [] });

    expect(await listed(OURS)).toEqual(['2.0.0']);
    expect(await sample.bytes(OURS)).toBeNull();
    await expect(publish('1.0.0')).rejects.toMatchObject({ code: 'conflict' });
    expect(await management.removals.all(PUBLISHED, BY)).toMatchObject({ removed: ['2.0.0'] });
  });

  it.each([['that is held', true], ['that was never stored', false]])('keeps away a version of upstream\'s %s', async (_what, held) => {
    if (held) {
      await hold();
    }

    expect(await management.removals.version(PULLED, '1.0.0', BY)).toEqual({ name: `${UPSTREAM}/acme/net/aws`, removed: ['1.0.0'], blocked: 'version', warnings: [] });

    expect(await listed(NET)).toEqual(['2.0.0']);
    expect(await sample.bytes(NET)).toBeNull();
    expect(await sample.registry.repository(moduleRef(NET).repository).statManifest('1.0.0')).toBeNull();
    expect(await management.removals.version(PULLED, '1.0.0', BY)).toMatchObject({ removed: [] });
    await management.removals.unblock(PULLED, '1.0.0', BY);
    expect((await sample.bytes(NET)) === null).toBe(held);
  });

  it('is for a whole module too, with what upstream adds later', async () => {
    await hold();

    expect(await management.removals.all(PULLED, BY)).toMatchObject({ removed: ['2.0.0', '1.0.0'], blocked: 'package' });

    putNet(upstream, FILES, '3.0.0');
    expect(await listed(NET)).toEqual([]);
    expect([await sample.bytes(NET, '2.0.0'), await sample.bytes(NET, '3.0.0')]).toEqual([null, null]);
    await management.removals.unblock(PULLED, null, BY);
    expect(await listed(NET)).toEqual(['2.0.0', '3.0.0']);
  });

  it('stores nothing of what was blocked while its job waited', async () => {
    await sample.bytes(NET);
    await management.removals.version(PULLED, '1.0.0', BY);

    await expect(sample.ingest()).rejects.toMatchObject({ code: 'policy' });

    expect(await sample.registry.repository(moduleRef(NET).repository).statManifest('1.0.0')).toBeNull();
    expect(await sample.temporary()).toHaveLength(1);
  });

  it('is of what was stored while upstream was waited for, too', async () => {
    await sample.bytes(NET);
    const ask = vi.spyOn(sample.ledger, 'record').mockImplementationOnce(async (...how) => {
      await sample.ingest();
      return sample.ledger.record(...how);
    });

    await management.removals.version(PULLED, '1.0.0', BY);

    expect(ask).toHaveBeenCalled();
    expect(await sample.registry.repository(moduleRef(NET).repository).statManifest('1.0.0')).toBeNull();
  });

  it('says where a tag is left, and removes it the next time', async () => {
    await publish('1.0.0');
    deletable = false;
    const { warnings } = await management.removals.version(PUBLISHED, '1.0.0', BY);
    deletable = true;
    const tag = async (): Promise<string | null> => sample.registry.repository(moduleRef(OURS).repository).statManifest('1.0.0');
    const between = await tag();

    expect(await management.removals.version(PUBLISHED, '1.0.0', BY)).toMatchObject({ removed: [], warnings: [] });

    expect(warnings).toEqual([expect.stringContaining('may still find 1.0.0')]);
    expect([between, await tag()]).toEqual([expect.any(String), null]);
  });

  it('refuses what is nowhere', async () => {
    await expect(management.removals.version(PULLED, '3.0.0', BY)).rejects.toMatchObject({ code: 'not-found' });
    await expect(management.removals.all({ kind: 'module', address: { ...NET, name: 'other' } }, BY)).rejects.toMatchObject({ code: 'not-found' });
  });
});

it('tells the state of a module', async () => {
  await hold();
  await management.yanks.yank(PULLED, '2.0.0', { ...BY, reason: '' });

  const state = await management.states.get(PULLED);

  expect(state).toMatchObject({ kind: 'module', name: `${UPSTREAM}/acme/net/aws`, origin: 'upstream', blocked: [], deleted: 0, upstream: { host: UPSTREAM, failure: null }, keys: [] });
  expect(state.versions).toMatchObject([
    { version: '2.0.0', held: false, yanked: '', files: [] },
    { version: '1.0.0', held: true, yanked: null, files: [{ platform: null, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string, size: expect.any(Number) as number }], keys: [] },
  ]);
});
