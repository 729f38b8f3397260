import { beforeEach, describe, expect, it } from 'vitest';

import { type SoakAnswer, type SoakEcosystem, type SoakItem, type SoakListing, SoakPackage, SoakSetting } from './soak-model.ts';
import { readItem, readListing, type SoakReading } from './soak-reads.ts';
import { SoakRecord } from './soak-record.ts';
import { newItem, publishItem, removeItem, repeatItem, setItem } from './soak-writes.ts';

const AT_ONCE = { countedMs: 0, wrongMs: 0 };
const REFUSED: SoakAnswer = { status: 409, text: 'exists with other contents' };
const DONE: SoakAnswer = { status: 201, text: '' };
const FAILED: SoakAnswer = { status: 503, text: 'the registry does not answer' };

/** What the registry that is looked at says. */
interface Said {
  read: SoakAnswer & { identity: string | null };
  list: SoakListing;
  publish: SoakAnswer[];
  set: SoakAnswer;
  remove: SoakAnswer;
}

describe('what the long run takes for wrong', () => {
  let said: Said;
  let record: SoakRecord;
  let known: SoakPackage;
  let item: SoakItem;
  let reading: SoakReading;
  let made = 0;

  const ecosystem: SoakEcosystem = {
    name: 'test',
    payload: () => ({ identity: `payload ${(made += 1)}`, body: Buffer.alloc(0) }),
    publish: async () => Promise.resolve(said.publish.shift() ?? DONE),
    read: async () => Promise.resolve(said.read),
    list: async () => Promise.resolve(said.list),
    remove: async () => Promise.resolve(said.remove),
    settingsOf: ({ version }) => [`yank ${version}`],
    set: async () => Promise.resolve(said.set),
    pull: async () => Promise.resolve({ ...DONE, wrong: null }),
  };
  const writing = (): Parameters<typeof publishItem>[0] => ({ ecosystem, origin: () => '', record, random: () => 0.5 });

  beforeEach(async () => {
    record = new SoakRecord();
    known = new SoakPackage('a');
    item = newItem(ecosystem, known);
    said = { read: { status: 404, text: 'there is none of that', identity: null }, list: { ...DONE, status: 200, versions: new Set(['1.0.0']), settings: new Map() }, publish: [], set: DONE, remove: DONE };
    reading = { ecosystem, origin: '', record, lateness: AT_ONCE };
    await publishItem(writing(), item, 1);
    said.read = { status: 200, text: '', identity: item.stands?.identity ?? null };
  });

  it('is nothing where all is well', async () => {
    await readItem(reading, item);
    await readListing(reading, known);
    await repeatItem(writing(), item);
    await setItem(writing(), known, item);
    said.list = { ...said.list, settings: new Map([['yank 1.0.0', known.settings.get('yank 1.0.0')?.possible[0] ?? '']]) };
    await readListing(reading, known);

    expect(record.violations).toEqual([]);
  });

  it.each<[string, (now: Said) => void, () => Promise<void>, RegExp]>([
    ['other bytes', (now) => (now.read.identity = 'other'), async () => readItem(reading, item), /wrong bytes/],
    ['a 404', (now) => (now.read = { status: 404, text: 'there is none of that', identity: null }), async () => readItem(reading, item), /404 for what was there/],
    ['a 500 without a text', (now) => (now.read = { status: 500, text: '', identity: null }), async () => readItem(reading, item), /without a text/],
    ['a list without a version', (now) => (now.list = { ...now.list, versions: new Set() }), async () => readListing(reading, known), /is not listed/],
    ['a list with a version of nobody', (now) => (now.list = { ...now.list, versions: new Set(['1.0.0', '9']) }), async () => readListing(reading, known), /nobody published/],
    ['a version refused that stands', (now) => (now.publish = [REFUSED]), async () => repeatItem(writing(), item), /409 for what stands/],
    ['two rivals that both win', (now) => (now.publish = [DONE, DONE]), async () => publishItem(writing(), newItem(ecosystem, known), 2), /was acknowledged, and/],
    ['rivals of whom nobody wins', (now) => (now.publish = [REFUSED, REFUSED]), async () => publishItem(writing(), newItem(ecosystem, known), 2), /nobody won/],
    ['a setting that is refused', (now) => (now.set = REFUSED), async () => setItem(writing(), known, item), /could not be set/],
    ['a deleted version that is taken again', () => undefined, async () => removeItem(writing(), item), /published again/],
  ])('is %s', async (_what, change, work, expected) => {
    change(said);

    await work();

    expect(record.violations).toContainEqual(expect.stringMatching(expected));
  });

  it('is a setting that was acknowledged and is not shown, but not one that may have failed', async () => {
    await setItem(writing(), known, item);
    await readListing(reading, known);
    const acknowledged = record.violations.length;
    said.set = FAILED;
    await setItem(writing(), known, item);
    said.list = { ...said.list, settings: new Map([['yank 1.0.0', known.settings.get('yank 1.0.0')?.possible[1] ?? '']]) };
    await readListing(reading, known);

    expect([acknowledged, record.violations.length]).toEqual([1, 1]);
  });

  it('is a deleted version that is served or listed', async () => {
    said.publish = [REFUSED];
    said.read = { status: 404, text: 'there is none of that', identity: null };
    await removeItem(writing(), item);
    const before = record.violations.length;
    said.read = { status: 200, text: '', identity: item.stands?.identity ?? null };
    await readItem(reading, item);
    await readListing(reading, known);

    expect(before).toBe(0);
    expect(record.violations).toEqual([expect.stringMatching(/served, and deleted/), expect.stringMatching(/is listed and was deleted/)]);
  });

  it('is no old value of a setting for as long as others may be told late', () => {
    const setting = new SoakSetting('yank 1.0.0');
    for (const [value, now] of [['first', 1_000], ['second', 5_000]] as const) {
      setting.begun(value);
      setting.acknowledged(now);
    }

    expect([6_000, 8_000].map((since) => setting.allows('first', { since, lagMs: 2_000 }))).toEqual([true, false]);
    expect(setting.possible).toEqual(['second']);
  });
});
