import type { SoakAnswer, SoakEcosystem, SoakItem, SoakPackage, SoakPayload } from './soak-model.ts';
import { labelOf, readItem, type SoakReading } from './soak-reads.ts';
import type { SoakRecord } from './soak-record.ts';

/** How often a client repeats what failed on the other side. */
const TRIES = 3;

/** Who writes, and where: an origin for each request. */
export interface SoakWriting {
  readonly ecosystem: SoakEcosystem;
  readonly origin: () => string;
  readonly record: SoakRecord;
  readonly random: () => number;
}

/** A version that nobody has tried to publish yet. */
export function newItem(ecosystem: SoakEcosystem, known: SoakPackage): SoakItem {
  const item: SoakItem = { ecosystem: ecosystem.name, package: known.name, version: `1.0.${known.items.size}`, payloads: [], stands: null, deletion: { state: 'none' }, busy: false };
  known.items.set(item.version, item);
  return item;
}

/** Publishes a version with as many different payloads at once as `rivals`; each rival tries again where it was not refused. */
export async function publishItem(writing: SoakWriting, item: SoakItem, rivals: number): Promise<void> {
  const payloads = Array.from({ length: rivals }, () => writing.ecosystem.payload(item.package, item.version));
  item.payloads.push(...payloads);
  const what = rivals === 1 ? 'publish' : 'race';
  // Whoever sees it may not delete it before the last rival knows how it ended.
  item.busy = true;
  const outcomes = await Promise.all(payloads.map(async (payload) => publishPayload(writing, item, { payload, what })));
  item.busy = false;
  if (rivals > 1 && outcomes.every((outcome) => outcome === 'refused')) {
    writing.record.violation(`${labelOf(item)}: every rival was refused, and so nobody won`);
  }
}

async function publishPayload(writing: SoakWriting, item: SoakItem, { payload, what }: { readonly payload: SoakPayload; readonly what: string }): Promise<'acknowledged' | 'refused' | 'unknown'> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const answer = await send(writing, item, { payload, what });
    if (answer !== null && answer.status < 300) {
      acknowledge(writing.record, item, payload);
      return 'acknowledged';
    }
    if (answer !== null && answer.status < 500 && answer.status !== 429) {
      writing.record.count('publishes refused');
      if (item.payloads.length === 1 || item.stands?.identity === payload.identity) {
        writing.record.violation(`${labelOf(item)}: ${answer.status} for the only payload there is: ${answer.text.slice(0, 300)}`);
      }
      return 'refused';
    }
    if (writing.random() < 0.3) {
      break;
    }
  }
  writing.record.count('publishes not acknowledged');
  return 'unknown';
}

async function send({ ecosystem, origin, record }: SoakWriting, item: SoakItem, { payload, what }: { readonly payload: SoakPayload; readonly what: string }): Promise<SoakAnswer | null> {
  return record.timed(`${ecosystem.name} ${what}`, async () => ecosystem.publish(origin(), item, payload));
}

function acknowledge(record: SoakRecord, item: SoakItem, { identity }: SoakPayload): void {
  record.count('publishes acknowledged');
  if (item.stands !== null && item.stands.identity !== identity) {
    record.violation(`${labelOf(item)}: ${identity} was acknowledged, and ${item.stands.identity} stands`);
    return;
  }
  item.stands = { identity, at: item.stands?.at ?? performance.now(), acknowledged: true };
}

/** Publishes once more what stands. */
export async function repeatItem(writing: SoakWriting, item: SoakItem): Promise<void> {
  const payload = item.payloads.find(({ identity }) => identity === item.stands?.identity);
  if (payload === undefined) {
    return;
  }
  const answer = await send(writing, item, { payload, what: 'publish again' });
  if (answer !== null && answer.status < 300) {
    acknowledge(writing.record, item, payload);
  } else if (answer !== null && answer.status < 500 && answer.status !== 429) {
    writing.record.violation(`${labelOf(item)}: ${answer.status} for what stands: ${answer.text.slice(0, 300)}`);
  }
}

/** Sets something of a version. */
export async function setItem(writing: SoakWriting, known: SoakPackage, item: SoakItem): Promise<void> {
  const { ecosystem, origin, record, random } = writing;
  const names = ecosystem.settingsOf(item);
  const name = names[Math.floor(random() * names.length)];
  const setting = known.setting(name ?? '');
  if (name === undefined || setting.busy) {
    return;
  }
  setting.busy = true;
  try {
    const value = name.startsWith('dist-tag') ? item.version : `said at ${Math.round(performance.now())}`;
    setting.begun(value);
    for (let tries = 0; tries < TRIES; tries += 1) {
      const answer = await record.timed(`${ecosystem.name} set`, async () => ecosystem.set(origin(), { item, setting: name, value }));
      if (answer !== null && answer.status < 300) {
        record.count('settings acknowledged');
        setting.acknowledged(performance.now());
        return;
      }
      if (answer !== null && answer.status < 500 && answer.status !== 429) {
        record.violation(`${labelOf(item)}: ${name} could not be set: ${answer.status} ${answer.text.slice(0, 300)}`);
        return;
      }
    }
    record.count('settings not acknowledged');
  } finally {
    setting.busy = false;
  }
}

/** Deletes a version, looks whether it is gone, and whether it can be published again. */
export async function removeItem(writing: SoakWriting, item: SoakItem): Promise<void> {
  const { ecosystem, origin, record } = writing;
  let unknown = false;
  item.deletion = { state: 'maybe' };
  for (let tries = 0; tries < TRIES && item.deletion.state === 'maybe'; tries += 1) {
    const answer = await record.timed(`${ecosystem.name} delete`, async () => ecosystem.remove(origin(), item));
    if (answer !== null && (answer.status < 300 || (answer.status === 404 && unknown))) {
      item.deletion = { state: 'done', at: performance.now() };
    } else if (answer !== null && answer.status === 409) {
      record.count('deletions refused as the package changed');
    } else if (answer !== null && answer.status < 500 && answer.status !== 429) {
      record.violation(`${labelOf(item)} could not be deleted: ${answer.status} ${answer.text.slice(0, 300)}`);
    } else {
      unknown = true;
    }
  }
  if (item.deletion.state === 'maybe') {
    item.deletion = { state: unknown ? 'maybe' : 'none' };
    return;
  }
  record.count('deletions acknowledged');
  await checkGone(writing, item);
}

async function checkGone(writing: SoakWriting, item: SoakItem): Promise<void> {
  const payload = item.payloads.find(({ identity }) => identity === item.stands?.identity);
  const answer = payload === undefined ? null : await send(writing, item, { payload, what: 'publish deleted' });
  if (answer !== null && answer.status < 300) {
    writing.record.violation(`${labelOf(item)} was deleted, and published again`);
  }
  const reading: SoakReading = { ...writing, origin: writing.origin(), lateness: { countedMs: 2_000, wrongMs: 2_000 } };
  await readItem(reading, item);
}
