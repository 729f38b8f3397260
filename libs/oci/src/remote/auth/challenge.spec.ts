import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { parseChallenges } from './challenge.ts';

function plain(header: string | readonly string[] | undefined): readonly (readonly [string, Record<string, string>])[] {
  return parseChallenges(header).map((challenge) => [challenge.scheme, Object.fromEntries(challenge.parameters)] as const);
}

describe('parseChallenges', () => {
  it.each([
    ['nothing', undefined, []],
    ['Basic', 'Basic realm="r"', [['basic', { realm: 'r' }]]],
    [
      'a quoted comma',
      'Bearer realm="https://example.com/token",service="a, b",scope="repository:x/y:pull,push"',
      [['bearer', { realm: 'https://example.com/token', service: 'a, b', scope: 'repository:x/y:pull,push' }]],
    ],
    ['several in one header', 'Basic realm="a, b", Bearer realm="c" , service=d', [['basic', { realm: 'a, b' }], ['bearer', { realm: 'c', service: 'd' }]]],
    ['several headers', ['Negotiate', 'BASIC Realm = "r"'], [['negotiate', {}], ['basic', { realm: 'r' }]]],
    ['a token68', 'Negotiate abc==, Basic realm="r"', [['negotiate', {}], ['basic', { realm: 'r' }]]],
    ['escapes', String.raw`Basic realm="say \"hi\" \\ there"`, [['basic', { realm: String.raw`say "hi" \ there` }]]],
    ['an open quote', 'Bearer realm="https://example.com', [['bearer', {}]]],
  ] as const)('reads %s', (_name, header, expected) => {
    const challenges = plain(header).filter(([scheme]) => ['basic', 'bearer', 'negotiate'].includes(scheme));

    expect(challenges).toEqual(expected);
  });

  it('ends on any text', () => {
    fc.assert(fc.property(fc.string(), (text) => Array.isArray(parseChallenges(text))));
  });
});
