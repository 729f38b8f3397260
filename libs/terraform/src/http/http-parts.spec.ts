import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { RouteTable } from '@oci-package-proxy/platform';

import { inTime } from './deadline.ts';
import { moduleIn, platformIn, providerIn } from './path-address.ts';
import { pathBelow, pathParts, queryOf } from './request-path.ts';
import { rootPaths, terraformMounts } from './terraform-mounts.ts';

describe('an answer in time', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
  afterEach(() => void vi.useRealTimers());

  it('is what the work comes to', async () => {
    await expect(inTime(performance.now(), async () => Promise.resolve('done'))).resolves.toBe('done');
    await expect(inTime(performance.now(), async () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is given up eight seconds after the request came in, however much of that is over', async () => {
    const started = performance.now();
    vi.advanceTimersByTime(5_000);
    const signals: AbortSignal[] = [];
    const answer = inTime(started, async (signal) => {
      signals.push(signal);
      return new Promise((_, reject) => setTimeout(() => reject(new Error('late')), 60_000));
    });
    const refused = expect(answer).rejects.toMatchObject({ code: 'upstream-unavailable', retryAfterMs: 5_000 });

    await vi.advanceTimersByTimeAsync(2_999);
    expect(signals[0]?.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(2);
    await refused;
    expect(signals[0]?.aborted).toBe(true);
    // What fails later has nobody to hear of it, and must not end the process.
    await vi.advanceTimersByTimeAsync(60_000);
  });
});

describe('the path of a request', () => {
  it.each([
    ['/terraform/providers/v1/a/b/versions?x=/y', '/terraform', ['providers', 'v1', 'a', 'b', 'versions']],
    ['/terraform', '/terraform', []],
    ['//a//b/', '', ['a', 'b']],
    ['/a%2Fb/c%2B+d', '', ['a/b', 'c++d']],
    ['/other/x', '/terraform', ['other', 'x']],
    ['/a#frag/b', '', ['a']],
  ])('%s below %j has the parts %j', (url, base, parts) => {
    expect(pathParts(url, base)).toEqual(parts);
  });

  it('cannot have an escape that is none', () => {
    expect(() => pathParts('/a%zz', '')).toThrow(expect.objectContaining({ code: 'invalid' }));
  });

  it('begins with a slash, and is left as it was sent', () => {
    expect(pathBelow('/terraform/a%2Fb?x', '/terraform')).toBe('/a%2Fb');
    expect(pathBelow('/terraform', '/terraform')).toBe('/');
  });

  it('has a query', () => {
    expect(queryOf('/a?x=1&y=%20#z').get('y')).toBe(' ');
    expect([...queryOf('/a')]).toEqual([]);
  });
});

describe('addresses in paths', () => {
  it.each([
    ['hashicorp', 'aws'],
    ['ACME', 'Demo-Thing'],
    ['bücher', '東京'],
    ['a1', '1a'],
  ])('%s/%s is a provider', (namespace, type) => {
    expect(providerIn({ namespace, type }, 'example.com')).toEqual({ host: 'example.com', namespace: namespace.toLowerCase(), type: type.toLowerCase() });
  });

  it('are the same provider however its letters are composed', () => {
    expect(providerIn({ namespace: 'bu\u0308cher', type: 'x' }, 'h')).toEqual(providerIn({ namespace: 'bücher', type: 'x' }, 'h'));
    // Whoever hides `secret` from upstream hides this too.
    expect(providerIn({ namespace: '\uff33\uff45\uff43ret', type: '\u212a8\u017f' }, 'h')).toEqual({ host: 'h', namespace: 'secret', type: 'k8s' });
  });

  it.each(['', '-a', 'a-', 'a--b', 'a_b', 'a.b', '..', 'a/b', 'a b', 'a\u0000', 'x'.repeat(64)])('%j is no part of a provider', (part) => {
    expect([providerIn({ namespace: part, type: 'x' }, 'h'), providerIn({ namespace: 'x', type: part }, 'h')]).toEqual([null, null]);
  });

  it.each([
    ['Acme', 'net__work-1', 'aws', true],
    ['a', 'b', '0', true],
    ['_a', 'b', 'c', false],
    ['a', 'b-', 'c', false],
    ['a', 'b.c', 'd', false],
    ['a', 'b', 'AWS', false],
    ['a', 'b', 'a-b', false],
    ['ä', 'b', 'c', false],
    ['x'.repeat(64), 'b', 'c', true],
    ['x'.repeat(65), 'b', 'c', false],
  ])('%s/%s/%s is a module: %s', (namespace, name, system, is) => {
    expect(moduleIn({ namespace, name, system }, 'h') !== null).toBe(is);
  });

  it('never let anything through that could lead out of a repository', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (one, two, three) => {
        for (const address of [providerIn({ namespace: one, type: two }, 'h'), moduleIn({ namespace: one, name: two, system: three }, 'h'), platformIn({ os: one, arch: two })]) {
          expect(address === null || Object.values(address).every((part) => /^[\p{L}\p{N}_-]+$/u.test(String(part)))).toBe(true);
        }
      }),
    );
  });
});

describe('a table of routes', () => {
  const handler = async (): Promise<void> => Promise.resolve();
  const table = new RouteTable([
    { methods: ['GET'], pattern: 'modules/search', handler },
    { methods: ['GET'], pattern: 'modules/:namespace', handler },
    { methods: ['PUT'], pattern: '', handler },
  ]);

  it('takes the first that fits', () => {
    expect(table.find('GET', ['modules', 'search'])).toMatchObject({ route: { pattern: 'modules/search' }, params: {} });
    expect(table.find('GET', ['modules', 'acme'])).toMatchObject({ params: { namespace: 'acme' } });
    expect(table.find('PUT', [])?.route.pattern).toBe('');
    expect([table.find('POST', ['modules', 'acme']), table.find('GET', ['modules']), table.find('GET', ['x', 'y'])]).toEqual([null, null, null]);
  });
});

it('answers at the root, and below it, what clients ask of no other place', () => {
  expect(rootPaths('')).toEqual(['/.well-known/terraform.json', '/terraform/upload']);
  expect(rootPaths('/base')).toEqual(['/.well-known/terraform.json', '/terraform/upload', '/base/.well-known/terraform.json', '/base/terraform/upload']);
  expect(terraformMounts('/base/terraform', '/base').map(({ prefix }) => prefix)).toEqual(expect.arrayContaining(['/base/terraform', '/base/api/v1/terraform', '/.well-known/terraform.json', '/terraform/upload']));
});
