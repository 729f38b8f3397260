import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { digestOf, RemoteRegistry } from '@oci-package-proxy/oci';
import { type RunningRegistry, startDockerRegistry } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { PackageRef } from './index.ts';
import { Ledger } from './ledger.ts';
import type { RivalOrder, RivalOutcome } from './rival-publisher.contract.ts';
import { newFact } from './sample-fact.contract.ts';

const RIVALS = ['ann', 'bob', 'cid', 'dan'];
const VERSIONS = Array.from({ length: 12 }, (_, number) => `1.0.${number}`);
const PROGRAM = join(import.meta.dirname, 'rival-publisher.contract.ts');
const REF: PackageRef = { ecosystem: 'test', name: 'contested', repository: 'test/contested' };

/** A process of its own that publishes all versions, and what it was told of each. */
interface Rival {
  readonly name: string;
  readonly child: ChildProcess;
  readonly outcomes: Map<string, string>;
  readonly ended: Promise<unknown>;
}

function contentOf(name: string, version: string): string {
  return `${name} of ${version}`;
}

async function startRival(name: string): Promise<Rival> {
  const child = fork(PROGRAM, { execArgv: ['--conditions=@oci-package-proxy/source'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const outcomes = new Map<string, string>();
  child.on('message', ({ version, outcome }: RivalOutcome) => void outcomes.set(version, outcome));
  const ended = once(child, 'exit');
  await once(child, 'spawn');
  return { name, child, outcomes, ended };
}

describe.each([{ deletes: true }, { deletes: false }])('publishers in processes of their own, on docker-registry with deletes: $deletes', ({ deletes }) => {
  let running: RunningRegistry;
  let rivals: readonly Rival[];
  /** Who won each version. */
  const winners = new Map<string, string>();
  const registries: RemoteRegistry[] = [];

  /** A reader or writer that has seen nothing. */
  function fresh(): Ledger {
    const registry = new RemoteRegistry({ url: running.url });
    registries.push(registry);
    return new Ledger({ registry });
  }

  beforeAll(async () => {
    running = await startDockerRegistry({ deletes });
    rivals = await Promise.all(RIVALS.map(startRival));
    const [victim] = rivals;
    victim?.child.on('message', () => void (victim.outcomes.size === 3 && victim.child.kill('SIGKILL')));
    for (const { name, child } of rivals) {
      child.send({ url: running.url, ref: REF, versions: VERSIONS, content: name } satisfies RivalOrder);
    }
    await Promise.all(rivals.map(async ({ ended }) => ended));
  }, 120_000);
  afterAll(async () => {
    await Promise.all(registries.map(async (registry) => registry.close()));
    await running.stop();
  });

  it('decide every version once, though one of them is killed in the middle', async () => {
    const ledger = fresh();
    for (const version of VERSIONS) {
      const fact = await ledger.fact(REF, version);
      winners.set(version, RIVALS.find((name) => digestOf(contentOf(name, version)) === fact?.payload) ?? 'nobody');
    }

    const [victim, ...survivors] = rivals;
    expect(victim?.child.signalCode).toBe('SIGKILL');
    expect(victim?.outcomes.size).toBeLessThan(VERSIONS.length);
    expect([...winners.values()]).not.toContain('nobody');
    for (const { name, outcomes } of survivors) {
      expect(Object.fromEntries(outcomes), name).toEqual(Object.fromEntries(VERSIONS.map((version) => [version, winners.get(version) === name ? 'created' : 'conflict'])));
    }
    // What the killed one was told, holds too; and of what it was not told, some may stand.
    expect(Object.fromEntries(victim?.outcomes ?? [])).toEqual(Object.fromEntries([...(victim?.outcomes.keys() ?? [])].map((version) => [version, winners.get(version) === victim?.name ? 'created' : 'conflict'])));
  });

  it('leave the same for everybody: listed, by name, and in bytes', async () => {
    for (const reader of [fresh(), fresh()]) {
      const { facts } = await reader.fold(REF);
      expect([...facts.keys()].toSorted()).toEqual(VERSIONS.toSorted());
      for (const [version, { payload, layers }] of facts) {
        const content = contentOf(winners.get(version) ?? '', version);
        const body = layers[0] === undefined ? null : await reader.open(REF, layers[0]);
        expect([payload, body === null ? null : await text(body.stream)]).toEqual([digestOf(content), content]);
      }
    }
  });

  it('are told that what is there is there, and is another\'s', async () => {
    const [version = ''] = VERSIONS;
    const winner = winners.get(version) ?? '';

    const again = await fresh().publish(REF, newFact(version, { content: contentOf(winner, version) }), { by: winner });

    expect(again).toBe('same');
    await expect(fresh().publish(REF, newFact(version, { content: 'other' }), { by: 'eve' })).rejects.toMatchObject({ code: 'conflict' });
  });

  it('bring nothing back that was deleted, whoever tries with whatever bytes, also at the same moment', async () => {
    const gone = VERSIONS.slice(0, 4);
    const contents = (version: string): readonly string[] => [contentOf(winners.get(version) ?? '', version), 'other', 'another'];
    const attempt = async (version: string, content: string): Promise<string> =>
      fresh().publish(REF, newFact(version, { content }), { by: 'eve' }).catch((error: { readonly code: string }) => error.code);

    const [left, ...during] = await Promise.all([fresh().delete(REF, gone, { by: 'ann' }), ...gone.flatMap((version) => contents(version).map(async (content) => [content, await attempt(version, content)] as const))]);
    const after = await Promise.all(gone.flatMap((version) => contents(version).map(async (content) => attempt(version, content))));

    // The very same bytes are there until the deletion is.
    expect(during.filter(([content, outcome]) => outcome !== 'conflict' && !(outcome === 'same' && content.includes(' of ')))).toEqual([]);
    expect(new Set(after)).toEqual(new Set(['conflict']));
    expect(left).toEqual(deletes ? [] : gone);
    expect([...(await fresh().fold(REF)).facts.keys()].toSorted()).toEqual(VERSIONS.slice(4).toSorted());
    expect(await Promise.all(gone.map(async (version) => fresh().fact(REF, version)))).toEqual(gone.map(() => null));
  }, 60_000);
});
