import { beforeEach, describe, expect, it } from 'vitest';

import { PasswordThrottle } from './password-throttle.ts';

const ADDRESS = '192.0.2.1';

describe('PasswordThrottle', () => {
  let now: number;
  let throttle: PasswordThrottle;
  let asked: string[];
  let underWay: number;
  let most: number;

  beforeEach(() => {
    now = Date.parse('2026-06-01T12:00:00Z');
    throttle = new PasswordThrottle(() => now);
    asked = [];
    underWay = 0;
    most = 0;
  });

  /** Of the user that all of these tests share; a password is right that begins so. */
  async function signIn(password: string, address = ADDRESS): Promise<string> {
    const check = async (): Promise<boolean> => {
      asked.push(password);
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise(setImmediate);
      underWay -= 1;
      return password.startsWith('right');
    };
    return throttle.attempt({ name: 'AWS', address, mark: password }, check).then(
      (right) => (right ? 'right' : 'wrong'),
      (error: { code: string; retryAfterMs?: number }) => `${error.code} ${error.retryAfterMs}`,
    );
  }

  async function all(passwords: readonly string[]): Promise<readonly string[]> {
    return Promise.all(passwords.map(async (password) => signIn(password)));
  }

  function numbered(word: string, count: number): readonly string[] {
    return Array.from({ length: count }, (_, number) => `${word} ${number}`);
  }

  function count(outcomes: readonly string[]): Record<string, number> {
    return Object.fromEntries(Object.entries(Object.groupBy(outcomes, (outcome) => outcome)).map(([outcome, those]) => [outcome, those?.length ?? 0]));
  }

  it('lets a hundred right ones in that come at the same time, five at a time', async () => {
    expect(count(await all(numbered('right', 100)))).toEqual({ right: 100 });
    expect(most).toBe(5);
  });

  it.each([[20], [100]])('lets no more than five of %i guesses through that come at the same time', async (guesses) => {
    expect(count(await all(numbered('guess', guesses)))).toEqual({ wrong: 5, 'rate-limited 1000': guesses - 5 });
    expect(asked).toHaveLength(5);
  });

  it('lets no more guesses through at the same time than are left', async () => {
    await signIn('guess a');
    await signIn('guess b');
    await signIn('guess c');

    expect(count(await all(numbered('guess', 10)))).toEqual({ wrong: 2, 'rate-limited 1000': 8 });
    expect(most).toBe(2);
  });

  it('lets one guess through after each pause, also of many that come at the same time', async () => {
    await all(numbered('guess', 5));
    const outcomes = [];

    for (const pause of [1_000, 2_000, 4_000]) {
      now += pause;
      outcomes.push(count(await all(numbered(`guess after ${pause}`, 10))));
    }

    expect(outcomes).toEqual([{ wrong: 1, 'rate-limited 2000': 9 }, { wrong: 1, 'rate-limited 4000': 9 }, { wrong: 1, 'rate-limited 8000': 9 }]);
  });

  it('counts a wrong one once, so that a job with an expired token locks nobody out', async () => {
    for (let times = 0; times < 100; times += 1) {
      expect(await signIn('expired')).toBe('wrong');
      now += 10_000;
    }

    expect(await signIn('right and new')).toBe('right');
    expect(count(await all(['expired', ...numbered('right', 50)]))).toEqual({ wrong: 1, right: 50 });
  });

  it('lets in during a pause what was right before, which does not end the pause', async () => {
    await signIn('right');
    await all(numbered('guess', 5));

    expect(await signIn('right')).toBe('right');
    expect(await signIn('guess')).toBe('rate-limited 1000');
  });

  it('counts what was right before and is wrong by now', async () => {
    const check = { name: 'AWS', address: ADDRESS, mark: 'token' };
    await throttle.attempt(check, async () => Promise.resolve(true));
    await all(numbered('guess', 4));

    expect(await throttle.attempt(check, async () => Promise.resolve(false))).toBe(false);
    await expect(throttle.attempt(check, async () => Promise.resolve(true))).rejects.toMatchObject({ code: 'rate-limited' });
  });

  it('counts no check that fails, and goes on with those that wait', async () => {
    const failing = async (mark: string): Promise<boolean> => throttle.attempt({ name: 'AWS', address: ADDRESS, mark }, async () => Promise.reject(new Error('down')));

    const outcomes = await Promise.allSettled(numbered('x', 20).map(failing));

    expect(outcomes.map((outcome) => outcome.status === 'rejected' && (outcome.reason as Error).message)).toEqual(Array.from({ length: 20 }, () => 'down'));
    expect(await signIn('right')).toBe('right');
  });

  it('begins anew after one that is right, and a while after the last wrong one', async () => {
    await all(numbered('guess', 4));
    await signIn('right');
    expect(count(await all(numbered('another guess', 4)))).toEqual({ wrong: 4 });

    now += 15 * 60_000 + 1;
    expect(count(await all(numbered('guess', 4)))).toEqual({ wrong: 4 });
  });

  it('keeps users and addresses apart', async () => {
    await all(numbered('guess', 5));

    expect(await signIn('guess', '192.0.2.2')).toBe('wrong');
    expect(await throttle.attempt({ name: 'other', address: ADDRESS, mark: 'x' }, async () => Promise.resolve(true))).toBe(true);
  });

  it('refuses who comes when 128 wait, and who waited for 15 seconds', async () => {
    const end = Promise.withResolvers<boolean>();
    const slow = numbered('slow', 5).map(async (mark) => throttle.attempt({ name: 'AWS', address: ADDRESS, mark }, async () => end.promise));
    const waiting = all(numbered('right', 128));

    expect(await signIn('right and late')).toBe('rate-limited 2000');
    now += 15_001;
    end.resolve(true);

    expect(await Promise.all(slow)).toEqual([true, true, true, true, true]);
    const { right = 0, 'rate-limited 2000': refused = 0 } = count(await waiting);
    expect([right + refused, refused > 100, asked.includes('right and late')]).toEqual([128, true, false]);
    expect(await signIn('right and late')).toBe('right');
  });
});
