import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { FileClaim } from './file-claim.ts';
import { createFileLinks } from './file-links.ts';

const SECRET = 'a secret of thirty-two characters';
const SHA256 = 'ab'.repeat(32);
const CLAIM: FileClaim = {
  kind: 'provider-archive',
  package: 'providers/example.com/acme/demo',
  version: '1.0.0',
  platform: { os: 'linux', arch: 'amd64' },
  sha256: SHA256,
  filename: 'terraform-provider-demo_1.0.0_linux_amd64.zip',
};

const hex = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'));
const claims = fc.record<FileClaim>({
  kind: fc.constantFrom('provider-archive', 'sums', 'signature', 'module-archive'),
  package: fc.string({ unit: 'grapheme', maxLength: 60 }),
  version: fc.string({ maxLength: 20 }),
  platform: fc.option(fc.record({ os: fc.string({ maxLength: 10 }), arch: fc.string({ maxLength: 10 }) })),
  sha256: fc.option(hex),
  filename: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }).filter((name) => name !== '.' && name !== '..'),
});

function at(seconds: number, options: { readonly secret?: string; readonly seconds?: number } = {}): ReturnType<typeof createFileLinks> {
  return createFileLinks({ secret: SECRET, seconds: 900, clock: () => seconds * 1000, ...options });
}

function tokenOf(path: string): string {
  return path.slice(0, path.indexOf('/'));
}

describe('createFileLinks', () => {
  it('makes links that it reads', () => {
    fc.assert(
      fc.property(claims, (claim) => {
        const { filename, ...rest } = claim;
        const [token = '', name = '', ...others] = at(1_000_000).pathOf(claim).split('/');

        expect(at(1_000_000).read(token)).toEqual(rest);
        expect(token).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(decodeURIComponent(name)).toBe(filename);
        expect(others).toEqual([]);
      }),
    );
  });

  it('ends a link with the name that its client looks at', () => {
    expect(at(0).pathOf(CLAIM)).toMatch(/^[A-Za-z0-9_-]{100,250}\/terraform-provider-demo_1\.0\.0_linux_amd64\.zip$/);
  });

  it('makes the same link for some time, everywhere', () => {
    expect(at(1_800).pathOf(CLAIM)).toBe(at(2_699).pathOf({ ...CLAIM }));
    expect(at(1_800).pathOf(CLAIM)).not.toBe(at(2_700).pathOf(CLAIM));
  });

  it('makes links that last for the time said, and less than twice that', () => {
    fc.assert(
      fc.property(fc.nat({ max: 4_000_000_000 }), fc.integer({ min: 60, max: 86_400 }), (now, seconds) => {
        const token = tokenOf(at(now, { seconds }).pathOf(CLAIM));

        expect(at(now + seconds, { seconds }).read(token)).toMatchObject({ sha256: SHA256 });
        expect(() => at(now + 2 * seconds, { seconds }).read(token)).toThrow('This link has ended: run init again');
      }),
    );
  });

  it('reads what was made before the time was changed', () => {
    expect(at(100, { seconds: 60 }).read(tokenOf(at(0, { seconds: 900 }).pathOf(CLAIM)))).toMatchObject({ version: '1.0.0' });
  });

  it('makes other links for other claims', () => {
    fc.assert(
      fc.property(claims, claims, (left, right) => {
        const { filename: _left, ...leftRest } = left;
        const { filename: _right, ...rightRest } = right;

        expect(tokenOf(at(0).pathOf(left)) === tokenOf(at(0).pathOf(right))).toBe(JSON.stringify(leftRest) === JSON.stringify(rightRest));
      }),
    );
  });

  it('tells nothing to whoever changes a link', () => {
    const token = tokenOf(at(0).pathOf(CLAIM));

    fc.assert(
      fc.property(fc.nat({ max: token.length - 1 }), fc.constantFrom(...'ABCabc019-_=+/. é'), (index, character) => {
        fc.pre(token[index] !== character);
        expect(() => at(0).read(`${token.slice(0, index)}${character}${token.slice(index + 1)}`)).toThrow(expect.objectContaining({ code: 'forbidden', message: 'This link has ended: run init again' }));
      }),
    );
  });

  it.each([
    ['another secret', tokenOf(at(0, { secret: 'another' }).pathOf(CLAIM))],
    ['a part of one', tokenOf(at(0).pathOf(CLAIM)).slice(0, -4)],
    ['more than one', `${tokenOf(at(0).pathOf(CLAIM))}AAAA`],
    ['other characters in between', `${tokenOf(at(0).pathOf(CLAIM))}==`],
    ['nothing', ''],
    ['a word', 'demo.zip'],
    ['something long', 'A'.repeat(100_000)],
  ])('refuses %s', (_, token) => {
    expect(() => at(0).read(token)).toThrow(expect.objectContaining({ code: 'forbidden', message: 'This link has ended: run init again' }));
  });

  it('refuses anything', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(() => at(0).read(text)).toThrow('This link has ended');
      }),
    );
  });

  it('has room for the longest names', () => {
    const label = 'a'.repeat(63);
    const claim: FileClaim = { ...CLAIM, package: `modules/${[label, label, label, 'a'.repeat(61)].join('.')}:65535/${'n'.repeat(64)}/${'m'.repeat(64)}/${'s'.repeat(64)}`, version: `1.0.0-${'p'.repeat(250)}`, platform: { os: 'o'.repeat(32), arch: 'a'.repeat(32) } };

    const token = tokenOf(at(0).pathOf(claim));

    expect(token.length).toBeLessThan(2048);
    expect(at(0).read(token)).toMatchObject({ package: claim.package, version: claim.version });
  });

  it('refuses names that do not fit, and names that are no part of a path', () => {
    expect(() => at(0).pathOf({ ...CLAIM, package: 'p'.repeat(2_000) })).toThrow(expect.objectContaining({ code: 'invalid' }));
    expect(() => at(0).pathOf({ ...CLAIM, filename: '..' })).toThrow(expect.objectContaining({ code: 'internal' }));
  });

  it('has neither the secret in it nor a key that is good for something else', () => {
    const bytes = Buffer.from(tokenOf(at(0).pathOf(CLAIM)), 'base64url').toString('latin1');

    expect(bytes).toContain('["providers/example.com/acme/demo","1.0.0","linux","amd64"]');
    expect(bytes).not.toContain(SECRET);
  });
});
