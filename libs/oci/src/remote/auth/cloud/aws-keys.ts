import { ProxyError } from '@oci-package-proxy/errors';

import { exchange, objectOf, secretFile, secureUrl, textField } from './exchange.ts';
import type { AwsKeys } from './signature-v4.ts';

/** Where the keys of an AWS account or role come from: exactly one of the three. Files are read anew each time. */
export interface AwsKeySource {
  /** Keys of a user. */
  readonly keys?: { readonly accessKeyId: string; readonly secretAccessKeyFile: string; readonly sessionTokenFile?: string | undefined } | undefined;
  /** A role that a token of the cluster (IRSA, any OIDC issuer) may take; `endpoint` is the token service's. */
  readonly webIdentity?: { readonly endpoint: string; readonly roleArn: string; readonly tokenFile: string; readonly sessionName?: string | undefined } | undefined;
  /** The agent beside the container (task roles, pod identity): its URL, and the file of the token that it wants. */
  readonly container?: { readonly url: string; readonly tokenFile?: string | undefined } | undefined;
}

const SUBJECT = 'getting AWS keys';

/** @throws ProxyError `config`, `storage-denied` or `storage-unavailable`, with what is to be changed. */
export async function awsKeys(source: AwsKeySource, ca: string | undefined): Promise<AwsKeys> {
  if (source.keys !== undefined) {
    return staticKeys(source.keys);
  }
  if (source.webIdentity !== undefined) {
    return webIdentityKeys(source.webIdentity, ca);
  }
  if (source.container !== undefined) {
    return containerKeys(source.container, ca);
  }
  throw new ProxyError('config', 'storage.credentials: needs keys, webIdentity or container');
}

async function staticKeys(source: NonNullable<AwsKeySource['keys']>): Promise<AwsKeys> {
  const secretAccessKey = await secretFile(source.secretAccessKeyFile, SUBJECT);
  const sessionToken = source.sessionTokenFile === undefined ? undefined : await secretFile(source.sessionTokenFile, SUBJECT);
  return { accessKeyId: source.accessKeyId, secretAccessKey, sessionToken };
}

/** AssumeRoleWithWebIdentity, which is not signed: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html */
async function webIdentityKeys(source: NonNullable<AwsKeySource['webIdentity']>, ca: string | undefined): Promise<AwsKeys> {
  const url = secureUrl(source.endpoint, 'storage.credentials.webIdentity.endpoint');
  const subject = `${SUBJECT} by web identity`;
  const form = new URLSearchParams({
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: source.roleArn,
    RoleSessionName: source.sessionName ?? 'oci-package-proxy',
    WebIdentityToken: await secretFile(source.tokenFile, subject),
  });
  const text = await exchange({
    method: 'POST',
    url,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
    subject,
    advice: 'check webIdentity.roleArn, that the role trusts the issuer and audience of webIdentity.tokenFile, and that the token has not expired',
    ca,
  });
  const field = (name: string): string => textField({ [name]: new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1] }, name, { subject, url });
  return { accessKeyId: field('AccessKeyId'), secretAccessKey: field('SecretAccessKey'), sessionToken: field('SessionToken') };
}

/** https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html */
async function containerKeys(source: NonNullable<AwsKeySource['container']>, ca: string | undefined): Promise<AwsKeys> {
  const subject = `${SUBJECT} of the container`;
  // The agent is at a link-local address, by plain http.
  const url = URL.parse(source.url);
  if (url === null) {
    throw new ProxyError('config', 'storage.credentials.container.url: must be a URL');
  }
  const headers: Record<string, string> = source.tokenFile === undefined ? {} : { authorization: await secretFile(source.tokenFile, subject) };
  const advice = 'check container.url and container.tokenFile, and that the task or pod has a role';
  const answer = objectOf(await exchange({ method: 'GET', url, headers, subject, advice, ca }), { subject, url });
  const field = (name: string): string => textField(answer, name, { subject, url });
  return { accessKeyId: field('AccessKeyId'), secretAccessKey: field('SecretAccessKey'), sessionToken: field('Token') };
}
