import { bufferBlob, type Digest, EMPTY_BYTES, type ManifestBytes } from '@oci-package-proxy/oci';

import { ALL_PHASES, type Phases } from './decide-rounds-call.ts';
import { decideByRounds } from './decide-rounds-protocol.ts';
import { markerManifest } from './marker.ts';
import { type Actor, type Choice, isInjected, type Lists, Scheduler } from './model-scheduler.contract.ts';

const REPOSITORY = 'test/left-pad';
const TAG = '1.0.0';
/** Steps of everyone together after which a fair run without faults must be over. */
const MAX_FAIR_STEPS = 5000;

/** What writers want to put under one and the same tag. */
export const PROPOSALS: readonly ManifestBytes[] = ['one', 'two', 'three', 'four'].map((name) => markerManifest('application/vnd.test.v1', name));

/** Lists of one page: what a pause between two pages could do is left out. */
export const ONE_PAGE: Lists = { pageSize: 100, order: 'name', flicker: false };

/** Writers, and what happens to them. */
export interface Scenario {
  /** For each writer which of {@link PROPOSALS} it tries, one after the other while requests fail. */
  readonly writers: readonly (readonly number[])[];
  readonly choices: readonly Choice[];
  readonly seed: number;
  readonly lists: Lists;
}

/**
 * Plays a scenario, then lets everyone who is alive finish, then all late writes land, then a newcomer ask.
 * @returns what went wrong, or null: agreement, a tag that never changes, validity, termination, no error that nobody injected.
 */
export async function violationOf(scenario: Scenario, phases: Phases = ALL_PHASES): Promise<string | null> {
  const history: (string | null)[] = [];
  const actors: Actor<Digest>[] = [];
  const scheduler = new Scheduler({
    seed: scenario.seed,
    lists: scenario.lists,
    afterStep: () => {
      const named = scheduler.named(REPOSITORY, TAG);
      if (history.at(-1) !== named) {
        history.push(named);
      }
    },
  });
  await scheduler.registry.repository(REPOSITORY).writeBlob(bufferBlob(EMPTY_BYTES));
  for (const [index, attempts] of scenario.writers.entries()) {
    actors.push(startWriter(scheduler, { name: `writer ${index}`, attempts, phases }));
  }

  try {
    await scheduler.run(scenario.choices);
    await scheduler.runFair(MAX_FAIR_STEPS);
    await scheduler.landAll();
    actors.push(startWriter(scheduler, { name: 'newcomer', attempts: [PROPOSALS.length - 1], phases }));
    await scheduler.runFair(MAX_FAIR_STEPS);
  } catch (error) {
    return String(error);
  }
  return judge(actors, history.filter((named) => named !== null), [...scenario.writers.flat(), PROPOSALS.length - 1]);
}

function startWriter(scheduler: Scheduler, { name, attempts, phases }: { readonly name: string; readonly attempts: readonly number[]; readonly phases: Phases }): Actor<Digest> {
  return scheduler.start(name, async ({ registry, random, sleep }) => {
    const repository = registry.repository(REPOSITORY);
    let failure: unknown;
    for (const attempt of attempts) {
      const manifest = PROPOSALS[attempt];
      if (manifest === undefined) {
        throw new Error(`there is no proposal ${attempt}`);
      }
      try {
        return await decideByRounds({ repository, tag: TAG, manifest, random, sleep, phases });
      } catch (error) {
        failure = error;
        if (!isInjected(error)) {
          break;
        }
      }
    }
    throw failure;
  });
}

function judge(actors: readonly Actor<Digest>[], named: readonly string[], proposed: readonly number[]): string | null {
  const broken = actors.find(({ state, error }) => state === 'failed' && !isInjected(error));
  if (broken !== undefined) {
    return `${broken.name} failed: ${String(broken.error)}`;
  }
  if (named.length !== 1) {
    return `the tag named ${named.join(', then ') || 'nothing'}`;
  }
  const other = actors.find(({ state, result }) => state === 'done' && result !== named[0]);
  if (other !== undefined) {
    return `${other.name} was told ${other.result}, but the tag names ${named[0]}`;
  }
  return proposed.some((index) => PROPOSALS[index]?.digest === named[0]) ? null : `nobody proposed ${named[0]}`;
}
