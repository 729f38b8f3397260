import { describe, expect, it } from 'vitest';

import { redisOptions, roleOptions } from './redis-options.ts';

describe('redisOptions', () => {
  it.each([
    ['redis://cache.example.com', { host: 'cache.example.com', port: 6379, db: 0 }],
    ['redis://cache.example.com:6380/3', { host: 'cache.example.com', port: 6380, db: 3 }],
    ['redis://me:p%40ss%3A@cache.example.com/', { host: 'cache.example.com', port: 6379, db: 0, username: 'me', password: 'p@ss:' }],
    ['redis://:secret@10.0.0.1', { host: '10.0.0.1', port: 6379, db: 0, password: 'secret' }],
    ['redis://[fd00::1]:7000', { host: 'fd00::1', port: 7000, db: 0 }],
    ['rediss://cache.example.com', { host: 'cache.example.com', port: 6379, db: 0, tls: { servername: 'cache.example.com' } }],
    ['rediss://10.0.0.1', { host: '10.0.0.1', port: 6379, db: 0, tls: {} }],
    [
      'redis+sentinel://me:p%40ss@one.example.com:5000,two.example.com/main/2',
      {
        sentinels: [{ host: 'one.example.com', port: 5000 }, { host: 'two.example.com', port: 26_379 }],
        name: 'main',
        db: 2,
        username: 'me',
        password: 'p@ss',
      },
    ],
    [
      'rediss+sentinel://[fd00::1]:5000/main?sentinelUsername=s&sentinelPassword=t%2Fu',
      {
        sentinels: [{ host: 'fd00::1', port: 5000 }],
        name: 'main',
        db: 0,
        sentinelUsername: 's',
        sentinelPassword: 't/u',
        tls: {},
        sentinelTLS: {},
        enableTLSForSentinelMode: true,
      },
    ],
  ])('reads %s', (url, expected) => {
    const options = redisOptions(url);

    expect(options).toEqual(expected);
  });

  it.each([
    'http://secret@cache.example.com',
    'secret',
    'redis://',
    'redis://cache.example.com/secret',
    'redis+sentinel://secret@one.example.com',
    'redis+sentinel://secret@one.example.com/main/secret',
    'redis+sentinel://secret@,/main',
    'redis://user:%secret@cache.example.com',
    '',
  ])('refuses %o without repeating it', (url) => {
    const reading = (): unknown => redisOptions(url);

    expect(reading).toThrow(expect.objectContaining({ code: 'config', message: expect.not.stringContaining('secret') }));
  });
});

describe('roleOptions', () => {
  it.each(['producer', 'commands'] as const)('lets a %s fail at once', (role) => {
    const options = roleOptions(role);

    expect(options).toMatchObject({ enableOfflineQueue: false, maxRetriesPerRequest: 1 });
    expect(options.commandTimeout).toBeLessThanOrEqual(1_000);
  });

  it.each(['worker', 'subscriber'] as const)('lets a %s wait for ever', (role) => {
    const options = roleOptions(role);

    expect(options).toMatchObject({ maxRetriesPerRequest: null });
    expect(options.commandTimeout).toBeUndefined();
  });

  it('reconnects for ever, never later than every 2.2 s', () => {
    const { retryStrategy } = roleOptions('worker');

    const delays = [1, 2, 5, 100, 100_000].map((times) => Number(retryStrategy?.(times)));

    expect(Math.min(...delays)).toBeGreaterThan(0);
    expect(Math.max(...delays)).toBeLessThanOrEqual(2_200);
  });

  it.each([
    ['READONLY You can\'t write against a read only replica.', 2],
    ['ERR unknown command', false],
  ])('reconnects when a failover left it on a replica: %s', (message, expected) => {
    const answer = roleOptions('worker').reconnectOnError?.(new Error(message));

    expect(answer).toBe(expected);
  });
});
