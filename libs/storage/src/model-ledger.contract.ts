import { buffer } from 'node:stream/consumers';

import { isProxyError } from '@oci-package-proxy/errors';
import { digestOf } from '@oci-package-proxy/oci';

import { decodeEvent } from './event.ts';
import { type Fold, isDeletedIn } from './fold.ts';
import { Ledger } from './ledger.ts';
import { type Actor, type ActorTools, type Choice, type CreateOnly, isInjected, type Lists, Scheduler } from './model-scheduler.contract.ts';
import { newFact, REF } from './sample-fact.contract.ts';
import { kindOf } from './tags.ts';

/** Steps of everyone together after which a fair run without faults must be over. */
const MAX_FAIR_STEPS = 20_000;
const KEY = 'pointer';

/** One call that an actor makes. */
export type Operation =
  | { readonly kind: 'publish'; readonly version: number; readonly content: number; readonly assign: boolean }
  | { readonly kind: 'ingest' | 'delete'; readonly version: number }
  | { readonly kind: 'record' | 'refresh' | 'fold' };

/** Actors, what they call one after the other, and what happens to them. */
export interface LedgerScenario {
  readonly actors: readonly (readonly Operation[])[];
  readonly choices: readonly Choice[];
  readonly seed: number;
  readonly lists: Lists;
  readonly createOnly: CreateOnly;
}

/** One call that was made. */
interface Call {
  readonly id: string;
  readonly operation: Operation;
  readonly begun: number;
  /** Infinity while it may still take effect. */
  ended: number;
  outcome: string;
}

/**
 * Plays a scenario, lets everyone who is alive finish and every late write land, and looks at the package with every ledger.
 * @returns what went wrong, or null.
 */
export async function ledgerViolationOf(scenario: LedgerScenario): Promise<string | null> {
  const { seed, lists, createOnly } = scenario;
  const scheduler = new Scheduler({ seed, lists, createOnly });
  const calls: Call[] = [];
  const ledgers = new Map<Actor<unknown>, Ledger>();
  for (const [index, operations] of scenario.actors.entries()) {
    const actor: Actor<unknown> = scheduler.start(`actor ${index}`, async (tools) => {
      const ledger = ledgerOf(scheduler, tools);
      await Promise.resolve();
      ledgers.set(actor, ledger);
      for (const operation of operations) {
        // A step of its own, so that a call may begin long after the one before it ended.
        await tools.sleep(0);
        await makeCall(ledger, operation, calls);
      }
    });
  }
  try {
    await scheduler.run(scenario.choices);
    await scheduler.runFair(MAX_FAIR_STEPS);
    await scheduler.landAll();
    return brokenActor(ledgers) ?? (await diverging(scheduler, ledgers)) ?? (await judge(scheduler, calls));
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

function ledgerOf(scheduler: Scheduler, { registry, random }: ActorTools): Ledger {
  return new Ledger({ registry, random, clock: () => scheduler.now });
}

async function makeCall(ledger: Ledger, operation: Operation, calls: Call[]): Promise<void> {
  const call: Call = { id: `call ${calls.length}`, operation, begun: tick(calls), ended: Infinity, outcome: 'unknown' };
  calls.push(call);
  try {
    call.outcome = await runOperation(ledger, call);
    call.ended = tick(calls);
  } catch (error) {
    if (isInjected(error)) {
      return;
    }
    if (!isProxyError(error, 'conflict')) {
      throw error;
    }
    call.outcome = 'conflict';
  }
}

/** Instants of begins and ends: their order is all that counts. */
const ticks = new WeakMap<Call[], number>();
function tick(calls: Call[]): number {
  const next = (ticks.get(calls) ?? 0) + 1;
  ticks.set(calls, next);
  return next;
}

async function runOperation(ledger: Ledger, { id, operation }: Call): Promise<string> {
  const by = { by: id };
  switch (operation.kind) {
    case 'publish':
      return ledger.publish(REF, newFact(tagOf(operation), { content: contentOf(operation), ...(operation.assign ? { assign: { [KEY]: id } } : {}) }), by);
    case 'ingest':
      return ledger.ingest(REF, newFact(tagOf(operation), { content: contentOf(operation) }));
    case 'delete':
      await ledger.delete(REF, [tagOf(operation)], by);
      return 'deleted';
    case 'record':
      await ledger.record(REF, [{ key: KEY, value: id }], by);
      return 'recorded';
    case 'refresh':
      return String(await ledger.refreshSnapshot(REF));
    case 'fold':
      return (await ledger.fold(REF, { fresh: true })).revision;
  }
}

function tagOf({ version }: { readonly version: number }): string {
  return `${version}.0.0`;
}

function contentOf(operation: { readonly version: number; readonly content?: number }): string {
  return `content ${operation.content ?? 0} of ${operation.version}`;
}

function brokenActor(ledgers: ReadonlyMap<Actor<unknown>, Ledger>): string | null {
  const broken = [...ledgers.keys()].find(({ state }) => state === 'failed');
  return broken === undefined ? null : `${broken.name} failed: ${broken.error instanceof Error ? broken.error.stack : String(broken.error)}`;
}

/** Everyone who is alive, newcomers, and newcomers after a new snapshot must see the same. */
async function diverging(scheduler: Scheduler, ledgers: ReadonlyMap<Actor<unknown>, Ledger>): Promise<string | null> {
  const revisions = new Map<string, string>();
  const cold = async (name: string): Promise<void> => {
    const reader = scheduler.start(name, async (tools) => void revisions.set(name, (await ledgerOf(scheduler, tools).fold(REF)).revision));
    await scheduler.runFair(MAX_FAIR_STEPS);
    if (reader.state !== 'done') {
      throw new Error(`${name} failed: ${String(reader.error)}`);
    }
  };
  for (const [actor, ledger] of ledgers) {
    scheduler.resume(actor, async () => void revisions.set(actor.name, (await ledger.fold(REF, { fresh: true })).revision));
  }
  await cold('newcomer');
  const writer = scheduler.start('snapshot writer', async (tools) => void (await ledgerOf(scheduler, tools).refreshSnapshot(REF)));
  await scheduler.runFair(MAX_FAIR_STEPS);
  await cold('newcomer after a snapshot');
  if (writer.state !== 'done') {
    return `the snapshot writer failed: ${String(writer.error)}`;
  }
  return new Set(revisions.values()).size === 1 ? null : `they see different packages: ${JSON.stringify([...revisions])}`;
}

async function judge(scheduler: Scheduler, calls: readonly Call[]): Promise<string | null> {
  const ledger = new Ledger({ registry: scheduler.registry });
  const fold = await ledger.fold(REF);
  const failure = [...versionFailures(fold, calls), ...deletionFailures(fold, calls), ...conflictFailures(calls), ...pointerFailures(fold, calls), ...originFailures(fold, calls)][0];
  return failure ?? (await lostEvent(scheduler, calls)) ?? (await tornFact(ledger, fold));
}

function* versionFailures(fold: Fold, calls: readonly Call[]): Generator<string> {
  for (const { id, operation, outcome } of calls) {
    if ((operation.kind !== 'publish' && operation.kind !== 'ingest') || !['created', 'same', 'stored', 'present'].includes(outcome) || isDeletedBy(calls, operation)) {
      continue;
    }
    const fact = fold.facts.get(tagOf(operation));
    if (fact?.payload !== digestOf(contentOf(operation))) {
      yield `${id} was told that ${tagOf(operation)} is ${outcome}, but it is ${fact === undefined ? 'not there' : 'another'}`;
    }
  }
  for (const fact of fold.facts.values()) {
    const possible = calls.some(({ operation, outcome }) => 'version' in operation && outcome !== 'conflict' && tagOf(operation) === fact.tag && digestOf(contentOf(operation)) === fact.payload);
    if (!possible) {
      yield `${fact.tag} holds what nobody stored, or was refused to everybody`;
    }
  }
}

function* deletionFailures(fold: Fold, calls: readonly Call[]): Generator<string> {
  for (const { id, operation, outcome, ended } of calls) {
    if (operation.kind !== 'delete' || outcome !== 'deleted') {
      continue;
    }
    if (fold.facts.has(tagOf(operation)) || !isDeletedIn(fold, tagOf(operation))) {
      yield `${id} was told that ${tagOf(operation)} is deleted, but it is there`;
    }
    const revived = calls.find((other) => other.operation.kind === 'publish' && tagOf(other.operation) === tagOf(operation) && other.begun > ended && ['created', 'same'].includes(other.outcome));
    if (revived !== undefined) {
      yield `${revived.id} published ${tagOf(operation)}, which ${id} had deleted`;
    }
  }
}

function* conflictFailures(calls: readonly Call[]): Generator<string> {
  for (const { id, operation, outcome } of calls) {
    const explained = calls.some((other) => {
      if (other.operation.kind === 'ingest') {
        return true;
      }
      return operation.kind === 'publish' && 'version' in other.operation && other.operation.version === operation.version
        && (other.operation.kind === 'delete' || (other.operation.kind === 'publish' && other.operation.content !== operation.content));
    });
    if (outcome === 'conflict' && !explained) {
      yield `${id} (${operation.kind}) was refused for no reason`;
    }
  }
}

/** The last writer wins: nothing stands that ended before something acknowledged began. */
function* pointerFailures(fold: Fold, calls: readonly Call[]): Generator<string> {
  const writes = calls.filter(({ operation, outcome }) => operation.kind === 'record' ? outcome !== 'conflict' : operation.kind === 'publish' && operation.assign && outcome !== 'conflict' && outcome !== 'same');
  const lasting = writes.filter(({ operation, ended }) => ended !== Infinity && !('version' in operation && isDeletedBy(calls, operation)));
  const value = fold.values.get(KEY)?.value;
  const winner = calls.find(({ id }) => id === value);
  if (lasting.length > 0 && winner === undefined) {
    yield `nothing points anywhere, though ${lasting.map(({ id }) => id).join(', ')} said so`;
  }
  const later = lasting.find(({ begun }) => winner !== undefined && winner.ended < begun);
  if (later !== undefined) {
    yield `${winner?.id} won over ${later.id}, which began after it had ended`;
  }
}

function* originFailures(fold: Fold, calls: readonly Call[]): Generator<string> {
  const published = calls.find(({ operation, outcome }) => operation.kind === 'publish' && ['created', 'same'].includes(outcome));
  const pulled = calls.find(({ operation, outcome }) => operation.kind === 'ingest' && ['stored', 'present'].includes(outcome));
  if (published !== undefined && pulled !== undefined) {
    yield `${published.id} published and ${pulled.id} pulled through`;
  }
  if ((published !== undefined && fold.origin !== 'published') || (pulled !== undefined && fold.origin !== 'upstream')) {
    yield `the origin is ${fold.origin}`;
  }
}

function isDeletedBy(calls: readonly Call[], { version }: { readonly version: number }): boolean {
  return calls.some(({ operation }) => operation.kind === 'delete' && operation.version === version);
}

async function lostEvent(scheduler: Scheduler, calls: readonly Call[]): Promise<string | null> {
  const repository = scheduler.registry.repository(REF.repository);
  const stored = new Set<unknown>();
  for (const tag of scheduler.tags(REF.repository).filter((name) => kindOf(name) === 'event')) {
    const manifest = await repository.readManifest(tag);
    stored.add(manifest === null ? null : decodeEvent(tag, manifest)?.value);
  }
  const lost = calls.find(({ id, outcome }) => outcome === 'recorded' && !stored.has(id));
  return lost === undefined ? null : `the event of ${lost.id} is lost`;
}

async function tornFact(ledger: Ledger, fold: Fold): Promise<string | null> {
  for (const fact of fold.facts.values()) {
    for (const layer of fact.layers) {
      const body = await ledger.open(REF, layer);
      if (body === null || digestOf(await buffer(body.stream)) !== layer.digest) {
        return `${fact.tag} is not whole`;
      }
    }
  }
  return null;
}
