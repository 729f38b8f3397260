import { readFile } from 'node:fs/promises';
import { BlockList, isIP } from 'node:net';

import { ProxyError } from '@oci-package-proxy/errors';

import { readAnswer } from '../../http/body.ts';
import type { Answer, RegistryRequest } from '../../http/exchange.ts';
import { networkFailureCode, RETRYABLE_STATUS } from '../../http/failures.ts';
import { DEFAULT_TIMEOUTS, Transport } from '../../http/transport.ts';

const MAX_ANSWER = 262_144;
const TIMEOUTS = { ...DEFAULT_TIMEOUTS, headersMs: 20_000, bodyIdleMs: 20_000 };
const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** One request to a service of a cloud that gives credentials. */
export interface ExchangeRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Operation for error texts, such as `getting an ECR token`. */
  readonly subject: string;
  /** What the operator is to look at when the service refuses. */
  readonly advice: string;
  /** PEM certificates that are trusted besides the machine's. */
  readonly ca?: string | undefined;
}

/**
 * Sends the request, follows no redirect, and gives back the text of a 200.
 * @throws ProxyError `storage-denied` when the service refuses, `storage-unavailable` when it fails or cannot be reached; texts
 * hold the host and the service's error code, nothing else of what was sent or answered.
 */
export async function exchange(request: ExchangeRequest): Promise<string> {
  const answer = await answerOf(request);
  if (answer.status === 200) {
    return answer.bytes.toString();
  }
  const code = errorCode(answer.bytes);
  const said = `${request.subject}: ${request.url.host} answered ${answer.status}${code === null ? '' : ` (${code})`}`;
  if (answer.status >= 500 || RETRYABLE_STATUS.has(answer.status)) {
    throw new ProxyError('storage-unavailable', `${said}; nothing is to be changed here, it is tried again`);
  }
  throw new ProxyError('storage-denied', `${said}; ${request.advice}`);
}

/** The object that a service answered. @throws ProxyError `storage-unavailable` when the text is none. */
export function objectOf(text: string, request: Pick<ExchangeRequest, 'subject' | 'url'>): Readonly<Record<string, unknown>> {
  const value = parsedObject(text);
  if (value === null) {
    throw new ProxyError('storage-unavailable', `${request.subject}: ${request.url.host} answered no JSON; check that this is its URL`);
  }
  return value;
}

/** A field that must be a text. @throws ProxyError `storage-unavailable` naming the field. */
export function textField(value: Readonly<Record<string, unknown>>, name: string, request: Pick<ExchangeRequest, 'subject' | 'url'>): string {
  const text = value[name];
  if (typeof text !== 'string' || !/^[\x21-\x7e]{1,65536}$/.test(text)) {
    throw new ProxyError('storage-unavailable', `${request.subject}: the answer of ${request.url.host} has no ${name}; check that this is its URL`);
  }
  return text;
}

/** Seconds of an `expires_in`, which some services write as text, in milliseconds; `otherwise` where there is none. */
export function lifetimeMs(value: unknown, otherwise: number): number {
  const seconds = typeof value === 'string' ? Number(value) : value;
  return typeof seconds === 'number' && Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : otherwise;
}

/** A secret in a file, read anew whenever it is needed, so that it can be replaced. @throws ProxyError `config`. */
export async function secretFile(path: string, subject: string): Promise<string> {
  const text = (await readFile(path, 'utf8').catch(() => '')).trim();
  if (text === '') {
    throw new ProxyError('config', `${subject}: ${path} cannot be read or is empty`);
  }
  return text;
}

/**
 * The URL of a service that is sent secrets: https, or http on this machine.
 * @throws ProxyError `config` naming `field`.
 */
export function secureUrl(text: string, field: string): URL {
  const url = URL.parse(text);
  const safe = url !== null && (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname)));
  if (!safe || url.username !== '' || url.password !== '') {
    throw new ProxyError('config', `${field}: must be an https:// URL without user and password`);
  }
  return url;
}

function isLoopback(hostname: string): boolean {
  const address = hostname.replace(/^\[(.*)\]$/, '$1');
  const family = isIP(address);
  return family !== 0 && LOOPBACK.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

async function answerOf(request: ExchangeRequest): Promise<Answer> {
  const { method, url, headers = {}, subject, body } = request;
  const sent: RegistryRequest = { method, url, headers, subject, access: null, lane: 'token', ...(body === undefined ? {} : { body: Buffer.from(body) }) };
  // These exchanges are hours apart: a connection is not kept for the next.
  const transport = new Transport({ registry: url, maxConnections: 1, timeouts: TIMEOUTS, ca: request.ca });
  try {
    return await readAnswer(await transport.send(sent), sent, MAX_ANSWER);
  } catch (error) {
    throw new ProxyError('storage-unavailable', `${subject}: no complete answer from ${url.host} (${networkFailureCode(error)}); check that URL and the way to it`, { cause: error });
  } finally {
    await transport.close();
  }
}

/** How the clouds name their failures: `__type` and `Code` (AWS), `error` (OAuth2); anything else is not looked at. */
function errorCode(bytes: Buffer): string | null {
  const text = bytes.toString();
  const body = parsedObject(text);
  const found = body === null ? /<Code>([^<]*)<\/Code>/.exec(text)?.[1] : (body['__type'] ?? body['Code'] ?? body['error']);
  const code = typeof found === 'string' ? found.replace(/^.*#/, '') : '';
  return /^[A-Za-z][A-Za-z0-9_.]{0,63}$/.test(code) ? code : null;
}

function parsedObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}
