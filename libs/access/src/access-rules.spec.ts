import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { ACCESS_SECTIONS } from './access-rules.ts';

const Section = z.strictObject(ACCESS_SECTIONS);

describe('ACCESS_SECTIONS', () => {
  it('reads the example of the documentation', () => {
    const { access } = Section.parse({
      access: [
        { who: 'authenticated', may: ['read'], ecosystem: 'alpha', packages: ['*', '@*/*'] },
        { who: ['ci', 'token:0123456789abcdef'], may: ['read', 'publish'], packages: ['@acme/*'] },
        { who: '*', may: ['read'] },
      ],
    });

    expect(access).toEqual([
      { who: ['authenticated'], may: ['read'], ecosystem: 'alpha', packages: ['*', '@*/*'] },
      { who: ['ci', 'token:0123456789abcdef'], may: ['read', 'publish'], ecosystem: '*', packages: ['@acme/*'] },
      { who: ['*'], may: ['read'], ecosystem: '*', packages: ['**'] },
    ]);
  });

  it('tells no rules from an empty list of them', () => {
    expect([Section.parse({}).access, Section.parse({ access: [] }).access]).toEqual([null, []]);
  });

  it.each([
    ['an unknown key', { who: 'ci', may: ['read'], package: 'x' }, /package/],
    ['an unknown action', { who: 'ci', may: ['write'] }, /read, publish, delete, admin/],
    ['no action', { who: 'ci', may: [] }, /action/],
    ['everybody who writes', { who: '*', may: ['read', 'publish'] }, /authenticated/],
    ['a pattern that excludes', { who: 'ci', may: ['read'], packages: ['!secret'] }, /begin with !/],
    ['a token that is none', { who: 'token:xyz', may: ['read'] }, /token:<id>/],
    ['no packages', { who: 'ci', may: ['read'], packages: [] }, /pattern/],
    ['an ecosystem that is none', { who: 'ci', may: ['read'], ecosystem: 'Alpha*' }, /ecosystem/],
  ])('refuses %s', (_what, rule, text) => {
    const parsed = Section.safeParse({ access: [rule] });

    expect(parsed.success).toBe(false);
    expect(JSON.stringify(parsed.error?.issues)).toMatch(text);
  });
});
