import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { ALL_PHASES, type Phases } from './decide-rounds-call.ts';
import { ONE_PAGE, PROPOSALS, type Scenario, violationOf } from './model-rounds.contract.ts';
import { type Action, type Choice, FAULTS, type Lists } from './model-scheduler.contract.ts';

const SEED = 20261124;
/** Steps of a writer that nobody disturbs, and of one that has to go through a round more. */
const SHORT = 9;
const LONG = 16;

describe('decide rounds, under interleavings of their requests', () => {
  test.each([
    { name: 'two to four writers with pauses', faults: ['go'] as const, numRuns: 1000 },
    { name: 'two to four writers with crashes, failed requests, lost answers and late puts', faults: FAULTS, numRuns: 2500 },
  ])('$name: one winner for ever, and everyone is told', async ({ faults, numRuns }) => {
    await fc.assert(
      fc.asyncProperty(anyScenario({ writers: 4, faults }), async (scenario) => {
        expect(await violationOf(scenario)).toBeNull();
      }),
      { numRuns, seed: SEED },
    );
  }, 120_000);

  test('two writers, every schedule of at most three preemptions', async () => {
    const scenarios = [...everyPreemption()];

    const violations = await Promise.all(scenarios.map(async (scenario) => violationOf(scenario)));

    expect(scenarios.length).toBe(SHORT * LONG * LONG);
    expect(violations.filter((violation) => violation !== null)).toEqual([]);
  }, 120_000);

  test('two writers, every fault of the first at every request, at every request of the second', async () => {
    const scenarios = [...everyFault()];

    const violations = await Promise.all(scenarios.map(async (scenario) => violationOf(scenario)));

    expect(scenarios.length).toBe(FAULTS.length * SHORT * LONG);
    expect(violations.filter((violation) => violation !== null)).toEqual([]);
  }, 120_000);
});

describe('the same checks with a phase taken out', () => {
  test.each([
    { phase: 'firstList', text: /voted for/ },
    { phase: 'secondList', text: /was decided, but/ },
    { phase: 'carry', text: /was decided, but/ },
    { phase: 'answer', text: /was told/ },
  ] as const)('fail without $phase', async ({ phase, text }) => {
    const broken = without(phase);

    const found = await firstViolation(everyPreemption(), broken);

    expect(found).toMatch(text);
    await expect(
      fc.assert(fc.asyncProperty(anyScenario({ writers: 3, faults: ['go'], lists: fc.constant(ONE_PAGE) }), async (scenario) => (await violationOf(scenario, broken)) === null), {
        numRuns: 3000,
        seed: SEED,
        endOnFailure: true,
      }),
    ).rejects.toThrow(/Property failed/);
  }, 120_000);

  test('a newcomer that joins the highest round, not round 0, undoes what was decided before', async () => {
    // Writer 0 decides in round 0 and pauses before its put; 2 carries that into round 1; 1 begins there with its own.
    const scenario: Scenario = {
      writers: [[0], [1], [2]],
      choices: [
        { actor: 0, steps: 6, action: 'go' },
        { actor: 2, steps: 8, action: 'go' },
        { actor: 1, steps: 12, action: 'go' },
      ],
      seed: 1,
      lists: ONE_PAGE,
    };

    const [whole, broken] = [await violationOf(scenario), await violationOf(scenario, without('fromZero'))];

    expect(whole).toBeNull();
    expect(broken).toMatch(/was decided, but/);
  });
});

const anyLists: fc.Arbitrary<Lists> = fc.record({
  pageSize: fc.constantFrom(1, 2, 3, 100),
  order: fc.constantFrom<Lists['order'][]>('name', 'reversed', 'hashed'),
  flicker: fc.boolean(),
});

function anyScenario({ writers, faults, lists = anyLists }: { readonly writers: number; readonly faults: readonly Action[]; readonly lists?: fc.Arbitrary<Lists> }): fc.Arbitrary<Scenario> {
  return fc.record({
    // The last proposal is the newcomer's.
    writers: fc.array(fc.array(fc.nat(PROPOSALS.length - 2), { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: writers }),
    choices: fc.array(anyChoice(faults), { maxLength: 40 }),
    seed: fc.nat(),
    lists,
  });
}

function anyChoice(faults: readonly Action[]): fc.Arbitrary<Choice> {
  const steps = fc.record({
    actor: fc.nat(3),
    steps: fc.oneof(fc.nat(4), fc.nat(25)),
    action: fc.oneof({ arbitrary: fc.constant<Action>('go'), weight: 5 }, { arbitrary: fc.constantFrom(...faults), weight: 1 }),
  });
  const landing = { arbitrary: fc.record({ land: fc.nat(5) }), weight: 1 };
  return faults.includes('late') ? fc.oneof({ arbitrary: steps, weight: 9 }, landing) : steps;
}

/** Writer 0 runs a while, writer 1 does, writer 0 does, and then both take turns. */
function* everyPreemption(): Generator<Scenario> {
  for (let first = 1; first <= SHORT; first += 1) {
    for (let second = 1; second <= LONG; second += 1) {
      for (let third = 1; third <= LONG; third += 1) {
        const choices = [first, second, third].map((steps, turn) => ({ actor: turn % 2, steps, action: 'go' as const }));
        yield { writers: [[0], [1]], choices, seed: first, lists: ONE_PAGE };
      }
    }
  }
}

/** Writer 0 fails at a request and tries again with other bytes when it can; its late write lands while writer 1 is at a request. */
function* everyFault(): Generator<Scenario> {
  for (const action of FAULTS) {
    for (let first = 0; first < SHORT; first += 1) {
      for (let second = 1; second <= LONG; second += 1) {
        const choices: Choice[] = [{ actor: 0, steps: first, action }, { actor: 1, steps: second, action: 'go' }, { land: 0 }];
        yield { writers: [[0, 2], [1]], choices, seed: second, lists: ONE_PAGE };
      }
    }
  }
}

async function firstViolation(scenarios: Iterable<Scenario>, phases: Phases): Promise<string | null> {
  for (const scenario of scenarios) {
    const violation = await violationOf(scenario, phases);
    if (violation !== null) {
      return violation;
    }
  }
  return null;
}

function without(phase: keyof Phases): Phases {
  return { ...ALL_PHASES, [phase]: false };
}
