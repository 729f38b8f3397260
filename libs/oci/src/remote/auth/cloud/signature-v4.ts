import { createHash, createHmac } from 'node:crypto';

/** Keys of an AWS account or role. */
export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Comes with keys that expire. */
  readonly sessionToken?: string | undefined;
}

/** A request that is to be signed; headers in any case, without `Host`. */
export interface SignableRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a signature is made for and with. */
export interface SigningScope {
  readonly keys: AwsKeys;
  readonly region: string;
  /** Signing name of the service, such as `ecr`. */
  readonly service: string;
  readonly at: Date;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';

/**
 * The headers to send a request with, names in lower case: its own, `x-amz-date`, the session token and the signature.
 * Signature Version 4: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function signedHeaders(request: SignableRequest, scope: SigningScope): Record<string, string> {
  const moment = scope.at.toISOString().replaceAll(/[-:]|\.\d{3}/g, '');
  const token = scope.keys.sessionToken;
  const sent: Record<string, string> = { ...lowerCased(request.headers), 'x-amz-date': moment, ...(token === undefined ? {} : { 'x-amz-security-token': token }) };
  const headers = Object.entries({ ...sent, host: request.url.host }).toSorted(([a], [b]) => order(a, b));
  const names = headers.map(([name]) => name).join(';');
  const lines = headers.map(([name, value]) => `${name}:${value.trim().replaceAll(/ +/g, ' ')}\n`).join('');
  const canonical = [request.method, canonicalPath(request.url), canonicalQuery(request.url), lines, names, sha256(request.body)].join('\n');
  const credentialScope = [moment.slice(0, 8), scope.region, scope.service, 'aws4_request'];
  const text = [ALGORITHM, moment, credentialScope.join('/'), sha256(canonical)].join('\n');
  const key = credentialScope.reduce<string | Buffer>((derived, part) => hmac(derived, part), `AWS4${scope.keys.secretAccessKey}`);
  const credential = [scope.keys.accessKeyId, ...credentialScope].join('/');
  return { ...sent, authorization: `${ALGORITHM} Credential=${credential}, SignedHeaders=${names}, Signature=${hmac(key, text).toString('hex')}` };
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

/** Every service but the object store signs the path as it is sent, encoded once more. */
function canonicalPath(url: URL): string {
  return url.pathname.split('/').map(encoded).join('/');
}

function canonicalQuery(url: URL): string {
  const pairs = [...url.searchParams].map(([name, value]) => [encoded(name), encoded(value)] as const);
  const sorted = pairs.toSorted((a, b) => order(a[0], b[0]) || order(a[1], b[1]));
  return sorted.map(([name, value]) => `${name}=${value}`).join('&');
}

function encoded(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

function order(a: string, b: string): number {
  return Number(a > b) - Number(a < b);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
