import { describe, expect, it } from 'vitest';

import { CircuitBreaker } from './circuit-breaker.ts';

const POLICY = { failures: 3, windowMs: 1_000, openMs: 100, longestOpenMs: 300 };

describe('CircuitBreaker', () => {
  function breakerAt(clock: { now: number }): CircuitBreaker {
    return new CircuitBreaker(POLICY, () => clock.now);
  }

  function fail(breaker: CircuitBreaker, times: number): void {
    for (let count = 0; count < times; count += 1) {
      breaker.admit();
      breaker.failed();
    }
  }

  it('counts failures in a row and within the window only', () => {
    const clock = { now: 0 };
    const breaker = breakerAt(clock);

    fail(breaker, 2);
    breaker.answered();
    fail(breaker, 2);
    clock.now = 1_500;
    fail(breaker, 2);

    expect(breaker.state).toBe('closed');
    fail(breaker, 1);
    expect(breaker.state).toBe('open');
    expect(breaker.admit()).toEqual({ admitted: false, retryAfterMs: 100 });
  });

  it('admits one probe at a time, and waits longer after each that fails', () => {
    const clock = { now: 0 };
    const breaker = breakerAt(clock);
    fail(breaker, 3);

    const waits: number[] = [];
    for (let times = 0; times < 4; times += 1) {
      clock.now += 1_000;
      expect(breaker.admit()).toEqual({ admitted: true });
      expect(breaker.state).toBe('half-open');
      expect(breaker.admit()).toMatchObject({ admitted: false });
      breaker.failed();
      const refused = breaker.admit();
      waits.push(refused.admitted ? 0 : refused.retryAfterMs);
    }

    expect(waits).toEqual([200, 300, 300, 300]);
  });

  it('admits another probe when one was abandoned', () => {
    const clock = { now: 0 };
    const breaker = breakerAt(clock);
    fail(breaker, 3);
    clock.now = 200;
    breaker.admit();

    breaker.abandoned();

    expect(breaker.admit()).toEqual({ admitted: true });
    breaker.answered();
    expect(breaker.state).toBe('closed');
  });
});
