import { z } from 'zod';

import { parseAddressRange } from '../http/trusted-proxies.ts';
import { LOG_LEVELS } from '../logging/logger.ts';
import { ByteSize } from './byte-size.ts';

const Port = z.string().regex(/^\d{1,5}$/, 'must be a port number').transform(Number).refine((port) => port <= 65_535, 'must be at most 65535');
const BASE_PATH = /^(?:\/[A-Za-z0-9._~-]+)*\/?$/;

function switchOf<On extends string, Off extends string>(on: On, off: Off): z.ZodType<boolean, string> {
  return z.enum([on, off], `must be ${on} or ${off}`).transform((text) => text === on);
}

/** A URL of one of `protocols`, without user, password, query and fragment; no slash at its end. */
function plainUrl(protocols: readonly string[]): z.ZodType<string, string> {
  const kinds = protocols.map((protocol) => `${protocol}://`).join(' or ');
  return z.string().transform((text, context) => {
    const url = URL.parse(text.trim());
    if (url === null || !protocols.includes(url.protocol.slice(0, -1)) || url.hostname === '') {
      context.addIssue({ code: 'custom', message: `must be a URL: ${kinds}host` });
      return z.NEVER;
    }
    if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
      context.addIssue({ code: 'custom', message: 'must not have a user, password, query or fragment' });
      return z.NEVER;
    }
    return url.href.replace(/\/+$/, '');
  });
}

const RedisUrl = z.string().refine((text) => /^(?:rediss?|rediss?\+sentinel):\/\/[^/]/i.test(text), 'must be redis://, rediss:// or redis+sentinel://');

const StorageUrl = z.string().refine((text) => {
  if (text.startsWith('layout:')) {
    return text.length > 'layout:'.length;
  }
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
}, 'must be layout:<directory>, or https://host/prefix (or http://) without user, password and query');

const Ranges = z.string().transform((text, context) =>
  listOf(text).map((item) => {
    const range = parseAddressRange(item);
    if (range === null) {
      context.addIssue({ code: 'custom', message: 'must be a comma-separated list of addresses and CIDRs, such as 10.0.0.0/8' });
      return z.NEVER;
    }
    return range;
  }),
);

/** Every variable of the platform's own, as text in the environment; none is required here, for that depends on others. */
export const PLATFORM_VARIABLES = {
  HOST: z.string().regex(/^[A-Za-z0-9.:_-]+$/, 'must be an address or host name'),
  PORT: Port,
  BASE_PATH: z.string().regex(BASE_PATH, 'must be a path such as /npm').transform((path) => path.replace(/\/$/, '')),
  TLS_PORT: Port,
  TLS_CERT_FILE: z.string(),
  TLS_KEY_FILE: z.string(),
  PUBLIC_URL: plainUrl(['https', 'http']),
  TRUSTED_PROXIES: Ranges,
  SECRET_KEY: z.string().min(32, 'must have at least 32 characters: openssl rand -hex 32'),
  PUBLISH: switchOf('on', 'off'),
  DATA_DIR: z.string(),
  SPOOL_MAX_BYTES: ByteSize,
  STORAGE_URL: StorageUrl,
  STORAGE_USERNAME: z.string(),
  STORAGE_PASSWORD: z.string(),
  DOCKER_CONFIG: z.string(),
  QUEUE_URL: RedisUrl,
  CACHE_URL: RedisUrl,
  INGEST_ECOSYSTEMS: z.string().regex(/^[a-z0-9]+(?:\s*,\s*[a-z0-9]+)*$/, 'must be a comma-separated list of ecosystems').transform(listOf),
  USERS_FILE: z.string(),
  ADMIN_TOKEN: z.string().min(16, 'must have at least 16 characters: openssl rand -hex 32').regex(/^[\x21-\x39\x3b-\x7e]+$/, 'must be printable ASCII without spaces and colons'),
  ANONYMOUS_READ: switchOf('true', 'false'),
  REGISTRY_PASS_THROUGH: switchOf('on', 'off'),
  CONFIG_FILE: z.string(),
  INTERNAL_HOST: z.string().regex(/^[A-Za-z0-9.:_-]+$/, 'must be an address or host name'),
  METRICS_PORT: z.union([z.literal('off').transform(() => null), Port], 'must be a port number, or off'),
  INTERNAL_URL: plainUrl(['http', 'https']),
  LOG_LEVEL: z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`),
} satisfies z.ZodRawShape;

/** The platform's variables as far as they are set and valid. */
export type PlatformVariables = { readonly [K in keyof typeof PLATFORM_VARIABLES]?: z.output<(typeof PLATFORM_VARIABLES)[K]> };

function listOf(text: string): string[] {
  return text.split(',').map((item) => item.trim()).filter((item) => item !== '');
}
