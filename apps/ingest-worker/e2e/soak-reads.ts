import type { SoakEcosystem, SoakItem, SoakListing, SoakPackage } from './soak-model.ts';
import type { SoakRecord } from './soak-record.ts';

/** What others may be shown late, in ms: of what was acknowledged they are told at once, and where that is lost their lists live 30 s. */
export interface Lateness {
  /** From here on it is counted. */
  readonly countedMs: number;
  /** From here on it is wrong. */
  readonly wrongMs: number;
}

/** Who reads, and where. */
export interface SoakReading {
  readonly ecosystem: SoakEcosystem;
  readonly origin: string;
  readonly record: SoakRecord;
  readonly lateness: Lateness;
}

/** Reads the file of a version and looks whether it may be that. */
export async function readItem({ ecosystem, origin, record, lateness }: SoakReading, item: SoakItem): Promise<void> {
  const label = labelOf(item);
  const { stands, deletion } = item;
  const since = performance.now();
  const answer = await record.timed(`${ecosystem.name} file`, async () => ecosystem.read(origin, item), { mayBreakOff: true });
  if (answer === null) {
    return;
  }
  if (answer.status === 200) {
    const expected = stands ?? item.stands;
    if (expected === null ? item.payloads.every(({ identity }) => identity !== answer.identity) : expected.identity !== answer.identity) {
      record.violation(`${label}: wrong bytes: ${answer.identity}, not ${expected?.identity ?? 'any that was sent'}`);
    }
    if (deletion.state === 'done' && since - deletion.at > lateness.wrongMs) {
      record.violation(`${label}: served, and deleted ${Math.round(since - deletion.at)} ms before`);
    }
    item.stands ??= { identity: answer.identity ?? '', at: performance.now(), acknowledged: false };
    return;
  }
  if (answer.status < 500 && answer.status !== 429 && stands !== null && item.deletion.state === 'none') {
    record.violation(`${label}: ${answer.status} for what was there ${Math.round(since - stands.at)} ms before: ${answer.text.slice(0, 300)}`);
  }
}

/** Reads the list of a package's versions and what they are set to, and looks whether it may be that. */
export async function readListing(reading: SoakReading, known: SoakPackage): Promise<void> {
  const { ecosystem, origin, record } = reading;
  const before = [...known.items.values()].map((item) => ({ item, stands: item.stands, deletion: item.deletion }));
  const since = performance.now();
  const listing = await record.timed(`${ecosystem.name} list`, async () => ecosystem.list(origin, known.name));
  if (listing === null || listing.status >= 500 || listing.status === 429) {
    return;
  }
  for (const { item, stands, deletion } of before) {
    const isListed = listing.versions.has(item.version);
    if (stands !== null && item.deletion.state === 'none' && !isListed) {
      judge(reading, since - stands.at, `${labelOf(item)} is not listed (${listing.status})`);
    }
    if (isListed && deletion.state === 'done') {
      judge(reading, since - deletion.at, `${labelOf(item)} is listed and was deleted`);
    }
  }
  for (const version of listing.versions) {
    if (!known.items.has(version)) {
      record.violation(`${ecosystem.name} ${known.name} lists ${version}, which nobody published`);
    }
  }
  checkSettings(reading, known, { listing, since });
}

function checkSettings({ record, lateness, ecosystem }: SoakReading, known: SoakPackage, { listing, since }: { readonly listing: SoakListing; readonly since: number }): void {
  for (const setting of known.settings.values()) {
    const shown = listing.settings.get(setting.id) ?? null;
    // What is set of a deleted version is not shown, nor what points at one.
    if (shown === null && namedItems(known, setting).some(({ version, deletion }) => deletion.state !== 'none' || !listing.versions.has(version))) {
      continue;
    }
    if (!setting.allows(shown, { since, lagMs: lateness.wrongMs })) {
      record.violation(`${ecosystem.name} ${known.name}: ${setting.id} is ${shown}, and may be ${setting.possible.join(' or ')}`);
    } else if (!setting.allows(shown, { since, lagMs: lateness.countedMs })) {
      record.count('settings shown late');
    }
  }
}

function namedItems(known: SoakPackage, { id, possible }: { readonly id: string; readonly possible: readonly (string | null)[] }): readonly SoakItem[] {
  return [...possible, id.split(' ')[1] ?? ''].flatMap((version) => known.items.get(version ?? '') ?? []);
}

function judge({ record, lateness }: SoakReading, ageMs: number, text: string): void {
  if (ageMs >= lateness.wrongMs) {
    record.violation(`${text} ${Math.round(ageMs)} ms later`);
  } else if (ageMs >= lateness.countedMs) {
    record.count('lists late');
  }
}

/** A version, for people. */
export function labelOf(item: SoakItem): string {
  return `${item.ecosystem} ${item.package} ${item.version}`;
}
