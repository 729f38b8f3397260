import { ProxyError } from '@oci-package-proxy/errors';
import { eventually } from '@oci-package-proxy/testing';
import { afterEach, describe, expect, it } from 'vitest';

import { type HealthCheck, HealthChecks, type HealthOptions } from './health-checks.ts';

describe('HealthChecks', () => {
  const started: HealthChecks[] = [];
  const make = (checks: readonly HealthCheck[], options: Partial<HealthOptions> = {}): HealthChecks => {
    const health = new HealthChecks({ checks, intervalMs: 10, timeoutMs: 50, ...options });
    started.push(health);
    return health;
  };
  const check = (name: string, required: HealthCheck['required'], run: HealthCheck['run'] = async () => Promise.resolve()): HealthCheck => ({ name, required, run });
  const fails = async (): Promise<void> => Promise.reject(new Error('down'));

  afterEach(() => {
    for (const health of started.splice(0)) {
      health.stop();
    }
  });

  it.each<[string, HealthCheck[], object]>([
    ['nothing to check', [], { ready: true, status: 'ok', checks: {} }],
    ['all well', [check('storage', true), check('queue', false)], { ready: true, status: 'ok', checks: { storage: 'ok', queue: 'ok' } }],
    ['what it can do without failing', [check('storage', true), check('queue', false, fails)], { ready: true, status: 'degraded', checks: { storage: 'ok', queue: 'failing' }, reasons: { queue: 'no-answer' } }],
    ['what it needs failing', [check('storage', true, fails), check('queue', false)], { ready: false, status: 'unready', checks: { storage: 'failing', queue: 'ok' }, reasons: { storage: 'no-answer' } }],
    ['a check that hangs', [check('storage', true, async () => new Promise(() => undefined))], { ready: false, status: 'unready', checks: { storage: 'failing' }, reasons: { storage: 'no-answer' } }],
    ['a check that throws at once', [check('storage', true, () => { throw new Error('at once'); })], { ready: false, status: 'unready', checks: { storage: 'failing' }, reasons: { storage: 'no-answer' } }],
  ])('%s', async (_what, checks, expected) => {
    const health = make(checks);

    await health.start();

    expect(health.verdict()).toEqual(expected);
  });

  it('says why, by code', async () => {
    const health = make([check('writes', false, async () => Promise.reject(new ProxyError('storage-read-only', 'the registry 10.0.0.1 is read-only')))]);

    await health.start();

    expect(health.verdict()).toEqual({ ready: true, status: 'degraded', checks: { writes: 'failing' }, reasons: { writes: 'storage-read-only' } });
  });

  it('needs some things only until they were there once', async () => {
    let down = true;
    const health = make([{ name: 'storage', required: 'at-start', run: async () => (down ? fails() : Promise.resolve()) }]);
    await health.start();

    const first = health.verdict();
    down = false;
    await eventually('ready', async () => health.verdict().status === 'ok', 5_000);
    down = true;
    await eventually('degraded', async () => health.verdict().status === 'degraded', 5_000);

    expect(first).toMatchObject({ ready: false, status: 'unready' });
    expect(health.verdict()).toMatchObject({ ready: true, checks: { storage: 'failing' } });
  });

  it('is not ready before it has looked', () => {
    expect(make([check('storage', true)]).verdict()).toEqual({ ready: false, status: 'unready', checks: { storage: 'unknown' } });
  });

  it('notices what breaks and what recovers, without being asked', async () => {
    let down = false;
    const health = make([check('storage', true, async () => (down ? fails() : Promise.resolve()))]);
    await health.start();

    const first = health.verdict().ready;
    down = true;
    await eventually('unready', async () => !health.verdict().ready, 5_000);
    down = false;
    await eventually('ready', async () => health.verdict().ready, 5_000);

    expect(first).toBe(true);
  });

  it('runs no check twice at once, and none after its end', async () => {
    let running = 0;
    let most = 0;
    let runs = 0;
    const health = make([check('slow', true, async () => {
      runs += 1;
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 20));
      running -= 1;
    })]);
    await health.start();
    await eventually('several runs', async () => runs > 3, 5_000);

    health.stop();
    await new Promise((resolve) => setTimeout(resolve, 40));
    const then = runs;
    await new Promise((resolve) => setTimeout(resolve, 60));

    expect([most, runs]).toEqual([1, then]);
  });

  it('forgets a result that is too old', async () => {
    let now = 1_000;
    const health = make([check('storage', true)], { clock: () => now, intervalMs: 60_000, expireMs: 30_000 });
    await health.start();
    const fresh = health.verdict().checks;
    now += 30_001;

    expect([fresh, health.verdict().checks]).toEqual([{ storage: 'ok' }, { storage: 'unknown' }]);
  });

  it('says that it is stopping, whatever else', async () => {
    const health = make([check('storage', true)]);
    await health.start();

    health.drain();

    expect(health.verdict()).toMatchObject({ ready: false, status: 'stopping' });
  });
});
