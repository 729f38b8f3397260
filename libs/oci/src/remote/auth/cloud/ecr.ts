import { ProxyError } from '@oci-package-proxy/errors';

import { type AwsKeySource, awsKeys } from './aws-keys.ts';
import { exchange, objectOf, secureUrl, textField } from './exchange.ts';
import type { IssuedCredential } from './refreshed-credential.ts';
import { signedHeaders } from './signature-v4.ts';

/** How ECR is signed in to. */
export interface EcrOptions extends AwsKeySource {
  readonly kind: 'ecr';
  /** The API's regional endpoint, not the registry's host: `https://api.ecr.<region>.…`. */
  readonly endpoint: string;
  readonly region: string;
}

const SUBJECT = 'getting an ECR token';
const TARGET = 'AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken';
const LIFETIME_MS = 12 * 3_600_000;
const SHORTEST_MS = 60_000;

/**
 * A user and password for ECR: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
 * @throws ProxyError `config`, `storage-denied` or `storage-unavailable`, with what is to be changed.
 */
export async function ecrCredential(options: EcrOptions, context: { readonly ca?: string | undefined; readonly clock: () => number }): Promise<IssuedCredential> {
  const url = secureUrl(options.endpoint, 'storage.credentials.endpoint');
  const keys = await awsKeys(options, context.ca);
  const at = context.clock();
  const unsigned = { method: 'POST', url, headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': TARGET }, body: '{}' } as const;
  const headers = signedHeaders(unsigned, { keys, region: options.region, service: 'ecr', at: new Date(at) });
  const advice = 'allow ecr:GetAuthorizationToken to this key or role; check the key, its secret, region, endpoint, and the clock of this machine';
  const request = { ...unsigned, headers, subject: SUBJECT, advice, ca: context.ca };
  const answer = objectOf(await exchange(request), request);
  const [data] = Array.isArray(answer['authorizationData']) ? (answer['authorizationData'] as unknown[]) : [];
  const given: Record<string, unknown> = typeof data === 'object' && data !== null ? { ...data } : {};
  const expiresAt = given['expiresAt'];
  // By this machine's clock; a nonsense difference is not believed.
  const left = typeof expiresAt === 'number' ? expiresAt * 1000 - at : LIFETIME_MS;
  return { credential: userOf(textField(given, 'authorizationToken', request)), lifetimeMs: Math.min(LIFETIME_MS, Math.max(SHORTEST_MS, left)) };
}

function userOf(token: string): { username: string; password: string } {
  const text = Buffer.from(token, 'base64').toString();
  const colon = text.indexOf(':');
  if (colon < 1) {
    throw new ProxyError('storage-unavailable', `${SUBJECT}: what was answered is no token; check storage.credentials.endpoint`);
  }
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}
