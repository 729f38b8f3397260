import { ERROR_CODES, ProxyError } from '@oci-package-proxy/errors';
import { describe, expect, it } from 'vitest';

import { jobIdentity, parseIngestJob } from './job-message.ts';
import { ecosystemOf, ingestPattern, queueName, targetOf } from './pattern.ts';
import { DEFAULT_RETRY, isPermanent, retryDelay } from './retry-policy.ts';

const JOB = { version: 1, ecosystem: 'first', package: '@scope/left', file: 'left-1.0.0.bin', digest: 'sha512:00', holder: null, at: 1_700_000_000_000 } as const;

describe('parseIngestJob', () => {
  it.each([
    ['a job', JOB, JOB],
    ['one with fields of a later minor change', { ...JOB, priority: 3 }, JOB],
    ['one without a holder', { ...JOB, holder: undefined }, JOB],
    ['one with a holder', { ...JOB, holder: 'h' }, { ...JOB, holder: 'h' }],
  ])('reads %s', (_what, message, expected) => {
    const job = parseIngestJob(message);

    expect(job).toEqual(expected);
  });

  it.each([
    ['a newer one', { ...JOB, version: 2, package: undefined }, 'unsupported'],
    ['one without a version', { ...JOB, version: undefined }, 'invalid'],
    ['one without a file', { ...JOB, file: '' }, 'invalid'],
    ['one whose digest is no text', { ...JOB, digest: 7 }, 'invalid'],
    ['a text', 'job', 'invalid'],
    ['nothing', undefined, 'invalid'],
  ])('refuses %s', (_what, message, code) => {
    const reading = (): unknown => parseIngestJob(message);

    expect(reading).toThrow(expect.objectContaining({ code }));
  });
});

describe('jobIdentity', () => {
  it('is the same for the same file, whoever has it and whenever', () => {
    const one = jobIdentity(JOB);
    const other = jobIdentity({ ...JOB, holder: 'h', at: 1, version: 1 });

    expect(one).toBe(other);
    expect(one).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each([
    { ecosystem: 'second' },
    { package: 'left' },
    { file: 'left-1.0.1.bin' },
    { digest: 'sha512:11' },
    { package: '@scope/left","left-1.0.0.bin', file: 'x' },
  ])('is another one with %o', (change) => {
    const other = jobIdentity({ ...JOB, ...change });

    expect(other).not.toBe(jobIdentity(JOB));
  });

  it.each([null, 'job', {}, { ...JOB, package: 1 }])('refuses %o', (data) => {
    const identifying = (): unknown => jobIdentity(data);

    expect(identifying).toThrow(expect.objectContaining({ code: 'invalid' }));
  });
});

describe('patterns', () => {
  it('lead back to their ecosystem, and to a queue without a colon', () => {
    const back = ecosystemOf(ingestPattern('first'));

    expect(back).toBe('first');
    expect(queueName('first')).toBe('ingest-first');
  });

  it.each(['ingest.', 'ingest.a.b', 'ingest.a:b', 'other.first', 'INGEST.first', '', 7, null, { cmd: 'ingest.first' }])('are not %o', (pattern) => {
    const target = (): unknown => targetOf(pattern);

    expect(ecosystemOf(pattern)).toBeNull();
    expect(target).toThrow(expect.objectContaining({ code: 'unsupported' }));
  });
});

describe('retries', () => {
  it.each(ERROR_CODES)('of a failure with %s are made only where they can help', (code) => {
    const permanent = isPermanent(new ProxyError(code, 'failed'));

    expect(permanent).toBe(['policy', 'integrity', 'not-found', 'invalid', 'forbidden', 'unsupported'].includes(code));
  });

  it('are made of what nobody foresaw', () => {
    expect(isPermanent(new TypeError('x'))).toBe(false);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8, 50])('after try %i wait between half and all of the doubled base, up to the maximum', (attempt) => {
    const longest = Math.min(DEFAULT_RETRY.maxMs, DEFAULT_RETRY.baseMs * 2 ** (attempt - 1));

    const delays = Array.from({ length: 200 }, () => retryDelay(DEFAULT_RETRY, attempt, new Error('x')));

    expect(Math.min(...delays)).toBeGreaterThanOrEqual(longest / 2);
    expect(Math.max(...delays)).toBeLessThanOrEqual(longest);
    expect(new Set(delays).size, 'they are spread').toBeGreaterThan(50);
  });

  it.each([
    [60_000, 60_000],
    [86_400_000, 3_600_000],
  ])('asked to wait %i ms wait %i ms', (retryAfterMs, expected) => {
    const delay = retryDelay(DEFAULT_RETRY, 1, new ProxyError('rate-limited', 'slow down', { retryAfterMs }));

    expect(delay).toBe(expected);
  });
});
