import { digestOf } from '@oci-package-proxy/oci';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Fact } from './fact.ts';
import { EMPTY_FOLD, type Entry, fold, isDeletedIn } from './fold.ts';
import type { JsonValue } from './package-ref.ts';
import { deletionTag, eventTag, type Stamp } from './tags.ts';

function fact(tag: string, changes: Partial<Fact> = {}): Entry {
  const digest = digestOf(JSON.stringify({ tag, ...changes }));
  const made: Fact = {
    tag, version: tag, digest, artifactType: 'type', payload: tag, at: '2026-01-01T00:00:00.000Z', origin: 'published',
    document: '{}', layers: [], annotations: {}, assign: {}, stamp: null, ...changes,
  };
  return { kind: 'fact', tag, digest, fact: made };
}

function event(stamp: Stamp, key: string, value: JsonValue): Entry {
  const tag = eventTag(stamp);
  return { kind: 'event', tag, digest: digestOf(tag + key + JSON.stringify(value)), event: { key, value, at: '2026-02-01T00:00:00.000Z', by: 'alice', stamp } };
}

function stamp(sequence: number, random = '0'): Stamp {
  return { sequence, random: random.repeat(16) };
}

const TAGS = ['1.0.0', '1.0.1', '2.0.0', '__proto__'];
const KEYS = ['latest', 'next', '__proto__', 'constructor'];
const stamps = fc.record({ sequence: fc.integer({ min: 0, max: 4 }), random: fc.constantFrom('0'.repeat(16), 'a'.repeat(16)) });
const entries: fc.Arbitrary<Entry> = fc.oneof(
  fc.tuple(fc.constantFrom(...TAGS), fc.option(stamps), fc.constantFrom(...KEYS)).map(([tag, given, key]) => fact(tag, { stamp: given, assign: given === null ? {} : JSON.parse(`{"${key}":"${tag}"}`) as Record<string, JsonValue> })),
  fc.tuple(stamps, fc.constantFrom(...KEYS), fc.constantFrom('x', null)).map(([given, key, value]) => event(given, key, value)),
  fc.constantFrom(...TAGS).map((tag): Entry => ({ kind: 'deletion', tag: deletionTag(tag) })),
  fc.constantFrom('published' as const, 'upstream' as const).map((origin): Entry => ({ kind: 'origin', tag: '_origin', digest: digestOf(origin), origin })),
  fc.constantFrom('latest', '1.0.0').map((tag): Entry => ({ kind: 'ignored', tag, digest: digestOf(`foreign ${tag}`) })),
);

describe('fold', () => {
  it('does not depend on order or repetition', () => {
    const shuffled = fc.array(entries, { maxLength: 12 }).chain((list) => fc.tuple(
      fc.constant(list),
      fc.shuffledSubarray(list, { minLength: list.length }),
      list.length === 0 ? fc.constant<Entry[]>([]) : fc.array(fc.constantFrom(...list)),
    ));

    fc.assert(fc.property(shuffled, ([list, other, repeated]) => {
      expect(fold([...repeated, ...other, ...repeated])).toEqual(fold(list));
    }), { numRuns: 500 });
  });

  it('has one revision for one content', () => {
    fc.assert(fc.property(fc.array(entries, { maxLength: 6 }), fc.array(entries, { maxLength: 6 }), (left, right) => {
      const [one, two] = [fold(left), fold(right)];
      const content = (state: typeof one): unknown => ({ ...state, revision: '', facts: [...state.facts].sort(), values: [...state.values].sort() });

      if (one.revision === two.revision) {
        expect(content(one)).toEqual(content(two));
      }
    }), { numRuns: 500 });
  });

  it('gives a key its latest value', () => {
    const state = fold([event(stamp(2), 'latest', 'two'), event(stamp(1, 'f'), 'latest', 'one'), event(stamp(2, '1'), 'latest', null)]);

    expect(state.values.get('latest')).toEqual({ value: null, at: '2026-02-01T00:00:00.000Z', by: 'alice' });
    expect(state.sequence).toBe(2);
  });

  it('lets a version assign keys as an event does, as long as it is there', () => {
    const all = [event(stamp(1), 'latest', '1.0.0'), fact('2.0.0', { stamp: stamp(2), assign: { latest: '2.0.0' }, annotations: { 'io.oci-package-proxy.by': 'bob' } })];

    expect(fold(all).values.get('latest')).toMatchObject({ value: '2.0.0', by: 'bob' });
    expect(fold([...all, { kind: 'deletion', tag: deletionTag('2.0.0') }]).values.get('latest')).toMatchObject({ value: '1.0.0' });
  });

  it('is the same whether or not the tag of a deleted version could be removed', () => {
    const deletion: Entry = { kind: 'deletion', tag: deletionTag('1.0.0') };
    const hidden = fold([fact('1.0.0'), fact('2.0.0'), deletion]);

    expect(hidden).toEqual(fold([fact('2.0.0'), deletion]));
    expect([isDeletedIn(hidden, '1.0.0'), isDeletedIn(hidden, '2.0.0')]).toEqual([true, false]);
  });

  it('has nothing of what is not ours', () => {
    expect(fold([{ kind: 'ignored', tag: 'latest', digest: digestOf('a') }])).toEqual(EMPTY_FOLD);
  });

  it('knows when it changed last', () => {
    expect(fold([fact('1.0.0', { at: '2026-03-01T00:00:00.000Z' }), event(stamp(1), 'a', 1)]).modified).toBe('2026-03-01T00:00:00.000Z');
    expect(EMPTY_FOLD.modified).toBe('');
  });
});
