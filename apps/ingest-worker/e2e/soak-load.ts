import type { SoakEcosystem, SoakItem } from './soak-model.ts';
import { SoakPackage } from './soak-model.ts';
import { type Lateness, readItem, readListing } from './soak-reads.ts';
import type { SoakRecord } from './soak-record.ts';
import { newItem, publishItem, removeItem, repeatItem, setItem } from './soak-writes.ts';

/** Other processes are told at once; where a notice is lost, their lists live 30 s. */
const WHILE_IT_RUNS: Lateness = { countedMs: 2_000, wrongMs: 40_000 };

/** One ecosystem under load. */
export interface SoakTarget {
  readonly ecosystem: SoakEcosystem;
  /** Front ends that serve it. */
  readonly origins: readonly string[];
  readonly packages: readonly SoakPackage[];
  /** How much of the load it gets, beside the others. */
  readonly weight: number;
}

/** How long and how hard. */
export interface SoakLoadOptions {
  readonly targets: readonly SoakTarget[];
  readonly record: SoakRecord;
  /** From 0 to 1, 1 excluded. */
  readonly random: () => number;
  /** Milliseconds. */
  readonly durationMs: number;
  /** Clients that work at the same time. */
  readonly clients: number;
}

/** Packages with these names, of which nothing is published yet. */
export function soakPackages(label: string, count: number): readonly SoakPackage[] {
  return Array.from({ length: count }, (_, index) => new SoakPackage(`${label}-${index}`));
}

/** Reads and writes until the time is over. */
export async function runLoad(options: SoakLoadOptions): Promise<void> {
  const end = performance.now() + options.durationMs;
  await Promise.all(
    Array.from({ length: options.clients }, async () => {
      while (performance.now() < end) {
        await step(options);
      }
    }),
  );
}

async function step({ targets, record, random }: SoakLoadOptions): Promise<void> {
  const { ecosystem, origins, packages } = weighted(targets, random);
  const origin = (): string => picked(origins, random) ?? '';
  const known = picked(packages, random);
  if (known === undefined) {
    return;
  }
  const writing = { ecosystem, origin, record, random };
  const reading = { ecosystem, origin: origin(), record, lateness: WHILE_IT_RUNS };
  const item = picked([...known.items.values()], random);
  const dice = random();
  if (dice < 0.18 || item === undefined) {
    await publishItem(writing, newItem(ecosystem, known), 1);
  } else if (dice < 0.22) {
    await publishItem(writing, newItem(ecosystem, known), 2 + Math.floor(random() * 2));
  } else if (dice < 0.26) {
    await alone(item, async () => repeatItem(writing, item));
  } else if (dice < 0.36) {
    await alone(item, async () => setItem(writing, known, item));
  } else if (dice < 0.39) {
    await alone(item, async () => removeItem(writing, item));
  } else if (dice < 0.5) {
    const answer = await record.timed(`${ecosystem.name} pull`, async () => ecosystem.pull(origin(), random), { mayBreakOff: true });
    if (answer !== null && (answer.wrong !== null || (answer.status >= 400 && answer.status < 500 && answer.status !== 429))) {
      record.violation(`${ecosystem.name}: pulled through: ${answer.wrong ?? `${answer.status} ${answer.text.slice(0, 300)}`}`);
    }
  } else if (dice < 0.7) {
    await readListing(reading, known);
  } else {
    await readItem(reading, item);
  }
}

/** For what stands, has not been deleted, and nobody else is at. */
async function alone(item: SoakItem, work: () => Promise<void>): Promise<void> {
  if (item.busy || item.stands === null || item.deletion.state !== 'none') {
    return;
  }
  item.busy = true;
  try {
    await work();
  } finally {
    item.busy = false;
  }
}

function weighted(targets: readonly SoakTarget[], random: () => number): SoakTarget {
  const total = targets.reduce((sum, { weight }) => sum + weight, 0);
  let left = random() * total;
  for (const target of targets) {
    left -= target.weight;
    if (left < 0) {
      return target;
    }
  }
  throw new Error('nothing is loaded');
}

function picked<T>(all: readonly T[], random: () => number): T | undefined {
  return all[Math.floor(random() * all.length)];
}
