import { isIP } from 'node:net';

import { ProxyError } from '@oci-package-proxy/errors';
import type { RedisOptions } from 'ioredis';

/**
 * What a connection is for. `producer` and `commands` fail at once, `worker` and `subscriber` wait for Redis for ever.
 */
export type RedisRole = 'producer' | 'worker' | 'subscriber' | 'commands';

const FAST: RedisOptions = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 1,
  autoResendUnfulfilledCommands: false,
  connectTimeout: 2_000,
  commandTimeout: 1_000,
};

const ROLES: Readonly<Record<RedisRole, RedisOptions>> = {
  producer: FAST,
  commands: FAST,
  // What BullMQ demands of connections that block.
  worker: { maxRetriesPerRequest: null, connectTimeout: 10_000 },
  // The bus subscribes by itself, so that it knows when it is subscribed.
  subscriber: { maxRetriesPerRequest: null, autoResubscribe: false, connectTimeout: 5_000 },
};

const SENTINEL = /^(rediss?)\+sentinel:\/\/(?:([^@/]*)@)?([^/?]+)\/([^/?]+)(?:\/(\d+))?\/?(?:\?(.*))?$/i;

/**
 * ioredis options for `redis://` and `rediss://[user:password@]host[:port][/db]`, and for
 * `redis+sentinel://` and `rediss+sentinel://[user:password@]host1[:port],host2[:port]/<master>[/<db>]` (the sentinels' own
 * credentials, where they have some: `?sentinelUsername=…&sentinelPassword=…`).
 * @throws ProxyError `config`, without the URL, which may hold a password.
 */
export function redisOptions(url: string): RedisOptions {
  const sentinel = SENTINEL.exec(url);
  return sentinel === null ? serverOptions(url) : sentinelOptions(sentinel);
}

/** What a role adds to {@link redisOptions}. */
export function roleOptions(role: RedisRole): RedisOptions {
  return { ...ROLES[role], retryStrategy: reconnectDelay, reconnectOnError: demoted };
}

function serverOptions(url: string): RedisOptions {
  const parsed = URL.parse(url);
  if (parsed === null || !/^rediss?:$/.test(parsed.protocol) || parsed.hostname === '') {
    throw wrongUrl();
  }
  const host = unbracketed(parsed.hostname);
  return {
    host,
    port: parsed.port === '' ? 6379 : Number(parsed.port),
    db: database(parsed.pathname.replace(/^\//, '')),
    ...credentials(decode(parsed.username), decode(parsed.password)),
    ...(parsed.protocol === 'rediss:' && { tls: isIP(host) === 0 ? { servername: host } : {} }),
  };
}

function sentinelOptions(match: RegExpExecArray): RedisOptions {
  const [, protocol = '', userInfo = '', hosts = '', name = '', db = '', query = ''] = match;
  const secure = protocol.toLowerCase() === 'rediss';
  const colon = userInfo.indexOf(':');
  const user = colon < 0 ? userInfo : userInfo.slice(0, colon);
  const own = new URLSearchParams(query);
  const sentinelUsername = own.get('sentinelUsername');
  const sentinelPassword = own.get('sentinelPassword');
  return {
    sentinels: hosts.split(',').map(sentinelAddress),
    name: decode(name),
    db: database(db),
    ...credentials(decode(user), colon < 0 ? '' : decode(userInfo.slice(colon + 1))),
    ...(sentinelUsername !== null && { sentinelUsername }),
    ...(sentinelPassword !== null && { sentinelPassword }),
    ...(secure && { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true }),
  };
}

function sentinelAddress(text: string): { readonly host: string; readonly port: number } {
  const parsed = URL.parse(`redis://${text}`);
  if (parsed === null || parsed.hostname === '') {
    throw wrongUrl();
  }
  return { host: unbracketed(parsed.hostname), port: parsed.port === '' ? 26_379 : Number(parsed.port) };
}

function credentials(username: string, password: string): RedisOptions {
  return { ...(username !== '' && { username }), ...(password !== '' && { password }) };
}

function database(text: string): number {
  if (text !== '' && !/^\d{1,5}$/.test(text)) {
    throw wrongUrl();
  }
  return text === '' ? 0 : Number(text);
}

function unbracketed(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrongUrl();
  }
}

function reconnectDelay(times: number): number {
  return Math.min(2 ** Math.min(times, 10) * 25, 2_000) + Math.floor(Math.random() * 200);
}

/** A master that became a replica answers READONLY on the old connection for ever. */
function demoted(error: Error): boolean | 2 {
  return error.message.startsWith('READONLY') ? 2 : false;
}

function wrongUrl(): ProxyError {
  return new ProxyError(
    'config',
    'Redis: the URL must be redis://[user:password@]host[:port][/db], rediss://… or redis+sentinel://[user:password@]host[:port],host[:port]/<master>[/<db>]',
  );
}
