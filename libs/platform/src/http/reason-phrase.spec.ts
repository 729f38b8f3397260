import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { reasonPhrase } from './reason-phrase.ts';

describe('a reason phrase', () => {
  it.each([
    ['a.whl already exists.', 'a.whl already exists.'],
    ['line one\r\nX-Injected: yes', 'line one X-Injected: yes'],
    ['Müller sagt „nein“ …', 'Muller sagt nein ...'],
    ['\u0000\u{1f600}', ''],
  ])('of %j is %j', (text, phrase) => {
    expect(reasonPhrase(text)).toBe(phrase);
  });

  it('is one short line of printable ASCII, whatever the text is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (text) => {
        expect(reasonPhrase(text)).toMatch(/^[\x20-\x7e]{0,200}$/);
      }),
    );
  });
});
