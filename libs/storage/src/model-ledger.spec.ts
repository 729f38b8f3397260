import { text } from 'node:stream/consumers';

import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';

import { Ledger } from './ledger.ts';
import { type LedgerScenario, ledgerViolationOf, type Operation } from './model-ledger.contract.ts';
import { type Action, type ActorTools, type Choice, type CreateOnly, FAULTS, type Lists, Scheduler } from './model-scheduler.contract.ts';
import { newFact, REF } from './sample-fact.contract.ts';

// Rivals back off in the scheduler's time.
vi.mock('node:timers/promises', async () => ({ setTimeout: (await import('./model-scheduler.contract.ts')).sleepAsActor }));

const SEED = 20261124;

const LISTS: Lists = { pageSize: 100, order: 'name', flicker: false };
const MAX_REQUESTS = 60;

describe.each([{ createOnly: false }, { createOnly: true }])('ledgers side by side, create-only tags: $createOnly', ({ createOnly }) => {
  test.each([
    { name: 'pauses', faults: ['go'] as const, numRuns: 80 },
    { name: 'crashes, failed requests, lost answers and late puts', faults: FAULTS, numRuns: 200 },
  ])('lose nothing they acknowledged, and end up seeing the same, with $name', async ({ faults, numRuns }) => {
    await fc.assert(
      fc.asyncProperty(anyScenario(createOnly, faults), async (scenario) => {
        expect(await ledgerViolationOf(scenario)).toBeNull();
      }),
      { numRuns, seed: SEED },
    );
  }, 120_000);

  test.each(FAULTS)('a publish shows nothing or the whole version, whichever of its requests meets %s', async (action) => {
    const seen: string[] = [];
    for (let request = 0; request <= MAX_REQUESTS; request += 1) {
      const { steps, found } = await publishWithFault({ createOnly, action, request });
      if (steps <= request) {
        break;
      }
      seen.push(...found);
    }

    // 15 requests at the very least, looked at three times each.
    expect(seen.length).toBeGreaterThanOrEqual(45);
    expect(seen.length).toBeLessThan(3 * MAX_REQUESTS);
    expect(new Set(seen)).toEqual(new Set(['nothing', 'whole']));
  }, 60_000);
});

test.each<Operation>([
  { kind: 'publish', version: 0, content: 0, assign: true },
  { kind: 'record' },
])('a $kind comes after what others recorded since its process last looked', async (operation) => {
  const scenario: LedgerScenario = {
    actors: [[{ kind: 'fold' }, operation], [{ kind: 'record' }, { kind: 'record' }]],
    choices: [{ actor: 0, steps: 2, action: 'go' }, { actor: 1, steps: 60, action: 'go' }, { actor: 0, steps: 80, action: 'go' }],
    seed: SEED,
    lists: LISTS,
    createOnly: false,
  };

  expect(await ledgerViolationOf(scenario)).toBeNull();
});

test('the same check fails where the registry replaces tags that it promised to create only', async () => {
  const result = await fc.check(
    fc.asyncProperty(anyScenario('pretended', ['go']), async (scenario) => (await ledgerViolationOf(scenario)) === null),
    { numRuns: 500, seed: SEED, endOnFailure: true },
  );

  expect(result.failed).toBe(true);
}, 60_000);

/** Publishes, with a fault at one request. @returns how many requests there were, and what is seen: then, after late writes landed, after a second try. */
async function publishWithFault({ createOnly, action, request }: { readonly createOnly: boolean; readonly action: Action; readonly request: number }): Promise<{ readonly steps: number; readonly found: readonly string[] }> {
  const scheduler = new Scheduler({ seed: request, lists: LISTS, createOnly, gateBlobs: true });
  const publish = async ({ registry, random }: ActorTools): Promise<unknown> => new Ledger({ registry, random }).publish(REF, newFact('1.0.0', { assign: { pointer: '1.0.0' } }), { by: 'alice' });
  const first = scheduler.start('publisher', publish);

  await scheduler.run([{ actor: 0, steps: request, action }]);
  await scheduler.runFair(MAX_REQUESTS);
  const found = [await visible(scheduler)];
  await scheduler.landAll();
  found.push(await visible(scheduler));
  const second = scheduler.start('publisher again', publish);
  await scheduler.runFair(2 * MAX_REQUESTS);
  found.push(await visible(scheduler));

  expect(second).toMatchObject({ state: 'done' });
  expect(found[2]).toBe('whole');
  return { steps: first.steps, found };
}

/** What a newcomer sees of the version: by its fold, and by its tag alone. */
async function visible(scheduler: Scheduler): Promise<string> {
  const ledger = new Ledger({ registry: scheduler.registry });
  const { facts, values } = await ledger.fold(REF);
  const direct = await new Ledger({ registry: scheduler.registry }).fact(REF, '1.0.0');
  if (facts.size === 0 && direct === null && values.size === 0) {
    return 'nothing';
  }
  const body = direct?.layers[0] === undefined ? null : await ledger.open(REF, direct.layers[0]);
  const content = body === null ? '' : await text(body.stream);
  return content === 'file of 1.0.0' && facts.get('1.0.0')?.digest === direct?.digest && values.get('pointer')?.value === '1.0.0' ? 'whole' : 'torn';
}

const anyLists: fc.Arbitrary<Lists> = fc.record({
  pageSize: fc.constantFrom(1, 2, 3, 100),
  order: fc.constantFrom<Lists['order'][]>('name', 'reversed', 'hashed'),
  flicker: fc.boolean(),
});

/** Everything that can be done, on few versions: what comes of it depends on who was first. */
const anyRivalry: fc.Arbitrary<Operation> = fc.oneof(
  { arbitrary: fc.record({ kind: fc.constant('publish' as const), version: fc.nat(1), content: fc.nat(1), assign: fc.boolean() }), weight: 5 },
  { arbitrary: fc.record({ kind: fc.constant('record' as const) }), weight: 3 },
  { arbitrary: fc.record({ kind: fc.constant('delete' as const), version: fc.nat(1) }), weight: 2 },
  { arbitrary: fc.record({ kind: fc.constantFrom('refresh' as const, 'fold' as const) }), weight: 1 },
  { arbitrary: fc.record({ kind: fc.constant('ingest' as const), version: fc.nat(1) }), weight: 1 },
);

/** What sets a value, on many versions: the last one must win. */
const anyAssignment: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ kind: fc.constant('publish' as const), version: fc.nat(9), content: fc.constant(0), assign: fc.constant(true) }),
  fc.record({ kind: fc.constantFrom('record' as const, 'fold' as const) }),
);

const anyActors: fc.Arbitrary<Operation[][]> = fc.oneof(
  fc.array(fc.array(anyRivalry, { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 4 }),
  fc.array(fc.array(anyAssignment, { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 3 }),
);

function anyScenario(createOnly: CreateOnly, faults: readonly Action[]): fc.Arbitrary<LedgerScenario> {
  return fc.record({
    actors: anyActors,
    choices: fc.array(anyChoice(faults), { maxLength: 40 }),
    seed: fc.nat(),
    lists: anyLists,
    createOnly: fc.constant(createOnly),
  });
}

function anyChoice(faults: readonly Action[]): fc.Arbitrary<Choice> {
  const steps = fc.record({
    actor: fc.nat(3),
    steps: fc.oneof(fc.nat(4), fc.nat(40)),
    action: fc.oneof({ arbitrary: fc.constant<Action>('go'), weight: 5 }, { arbitrary: fc.constantFrom(...faults), weight: 1 }),
  });
  const landing = { arbitrary: fc.record({ land: fc.nat(5) }), weight: 1 };
  return faults.includes('late') ? fc.oneof({ arbitrary: steps, weight: 9 }, landing) : steps;
}
