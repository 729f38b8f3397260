import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type ScriptedHandler, type ScriptedRequest, type ScriptedServer, startScriptedServer } from '@oci-package-proxy/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { CredentialSource } from '../credentials.ts';
import { type CloudCredentials, cloudCredentials } from './cloud-credentials.ts';
import { signedHeaders } from './signature-v4.ts';

const SECRETS = { 'aws-secret': 'wJalr-hunter2', 'web-token': 'jwt-hunter2', 'agent-token': 'agent-hunter2', 'client-secret': 'client-hunter2' };
const ECR_USER = { username: 'AWS', password: 'ecr:pass' };
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

let directory: string;
let server: ScriptedServer;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cloud-'));
  await Promise.all(Object.entries(SECRETS).map(([name, text]) => writeFile(join(directory, name), `${text}\n`)));
});
afterAll(async () => rm(directory, { recursive: true, force: true }));

beforeEach(async () => {
  server = await startScriptedServer();
});
afterEach(async () => server.stop());

function file(name: string): string {
  return join(directory, name);
}

function source(options: CloudCredentials): CredentialSource {
  return cloudCredentials(options, { registry: new URL(server.url) });
}

async function credential(options: CloudCredentials): Promise<unknown> {
  const { askAgainAt: _later, ...rest } = (await source(options).credentialFor(new URL(server.url).host)) ?? {};
  return rest;
}

function json(body: unknown, status = 200): ScriptedHandler {
  return (_request, response) => void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** Answers each path by its own handler. */
function routes(handlers: Readonly<Record<string, ScriptedHandler>>): void {
  server.answer((request, response) => (handlers[new URL(request.url, server.url).pathname] ?? json({}, 404))(request, response));
}

function form(request: ScriptedRequest | undefined): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(request?.body.toString()));
}

describe('ECR', () => {
  const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKeyFile: '' };

  function ecr(from: Partial<CloudCredentials>): CloudCredentials {
    return { kind: 'ecr', endpoint: `${server.url}/`, region: 'eu-west-9', ...from } as CloudCredentials;
  }

  /** Signs what came in once more, with the keys that the caller must have. */
  function checked(keySecret: string, keyId: string, sessionToken?: string): ScriptedHandler {
    return (request, response) => {
      const { authorization, 'x-amz-date': date = '', 'content-type': type = '', 'x-amz-target': target = '' } = request.headers as Record<string, string | undefined>;
      const at = new Date(date.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'));
      const signed = signedHeaders(
        { method: 'POST', url: new URL(request.url, server.url), headers: { 'content-type': type, 'x-amz-target': target }, body: request.body.toString() },
        { keys: { accessKeyId: keyId, secretAccessKey: keySecret, sessionToken }, region: 'eu-west-9', service: 'ecr', at },
      );
      const good = authorization === signed['authorization'] && request.headers['x-amz-security-token'] === sessionToken && Math.abs(Date.now() - at.getTime()) < 60_000;
      const data = { authorizationToken: Buffer.from('AWS:ecr:pass').toString('base64'), expiresAt: Date.now() / 1000 + 43_200 };
      return json(good && target.endsWith('.GetAuthorizationToken') ? { authorizationData: [data] } : { __type: 'InvalidSignatureException', message: 'hunter2' }, good ? 200 : 400)(request, response);
    };
  }

  it('signs the request with the keys of a user', async () => {
    routes({ '/': checked(SECRETS['aws-secret'], 'AKIDEXAMPLE') });

    expect(await credential(ecr({ keys: { ...keys, secretAccessKeyFile: file('aws-secret') } }))).toEqual(ECR_USER);
  });

  it('takes a role by a token of the cluster', async () => {
    const credentials = '<Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s/+=</SecretAccessKey><SessionToken>t/+=</SessionToken></Credentials>';
    routes({
      '/': checked('s/+=', 'ASIA1', 't/+='),
      '/sts': (_request, response) => void response.end(`<AssumeRoleWithWebIdentityResponse>${credentials}</AssumeRoleWithWebIdentityResponse>`),
    });

    const got = await credential(ecr({ webIdentity: { endpoint: `${server.url}/sts`, roleArn: 'arn:aws:iam::1:role/r', tokenFile: file('web-token') } }));

    expect(got).toEqual(ECR_USER);
    expect(form(server.requests[0])).toEqual({ Action: 'AssumeRoleWithWebIdentity', Version: '2011-06-15', RoleArn: 'arn:aws:iam::1:role/r', RoleSessionName: 'oci-package-proxy', WebIdentityToken: SECRETS['web-token'] });
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
  });

  it('asks the agent beside the container', async () => {
    routes({ '/': checked('s', 'ASIA2', 't'), '/agent': json({ AccessKeyId: 'ASIA2', SecretAccessKey: 's', Token: 't', Expiration: '2030-01-01T00:00:00Z' }) });

    const got = await credential(ecr({ container: { url: `${server.url}/agent`, tokenFile: file('agent-token') } }));

    expect(got).toEqual(ECR_USER);
    expect(server.requests[0]).toMatchObject({ method: 'GET', headers: { authorization: SECRETS['agent-token'] } });
  });

  it.each<[string, () => Partial<CloudCredentials>, ScriptedHandler, string, RegExp]>([
    ['a wrong secret', () => ({ keys: { ...keys, secretAccessKeyFile: file('web-token') } }), checked('right', 'AKIDEXAMPLE'), 'storage-denied', /ECR token: 127.*answered 400 \(InvalidSignatureException\); allow ecr:GetAuthorizationToken.*clock/],
    ['a missing secret', () => ({ keys: { ...keys, secretAccessKeyFile: file('none') } }), json({}), 'config', /none cannot be read or is empty/],
    ['no keys', () => ({}), json({}), 'config', /needs keys, webIdentity or container/],
    ['a role that does not trust', () => ({ webIdentity: { endpoint: server.url, roleArn: 'r', tokenFile: file('web-token') } }), (_request, response) => void response.writeHead(403).end('<Error><Code>AccessDenied</Code><Message>hunter2</Message></Error>'), 'storage-denied', /web identity: .*403 \(AccessDenied\); check webIdentity\.roleArn/],
    ['a service that fails', () => ({ keys: { ...keys, secretAccessKeyFile: file('aws-secret') } }), json({ message: 'hunter2' }, 503), 'storage-unavailable', /answered 503; nothing is to be changed/],
    ['a page', () => ({ keys: { ...keys, secretAccessKeyFile: file('aws-secret') } }), (_request, response) => void response.end('<html>hunter2'), 'storage-unavailable', /answered no JSON/],
    ['a redirect', () => ({ keys: { ...keys, secretAccessKeyFile: file('aws-secret') } }), (_request, response) => void response.writeHead(307, { location: '/else?hunter2' }).end(), 'storage-denied', /answered 307/],
    ['an endpoint without TLS', () => ({ endpoint: 'http://api.example.com', keys: { ...keys, secretAccessKeyFile: file('aws-secret') } }), json({}), 'config', /credentials\.endpoint: must be an https/],
  ])('says what to change after %s, and shows no secret', async (_name, from, handler, code, text) => {
    server.answer(handler);

    await expect(credential(ecr(from()))).rejects.toMatchObject({ code, message: expect.stringMatching(text) as string });
    await expect(credential(ecr(from()))).rejects.toMatchObject({ message: expect.not.stringContaining('hunter2') as string });
  });
});

describe('GAR', () => {
  async function keyFile(changes: object = {}): Promise<string> {
    const path = file('service-account.json');
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    await writeFile(path, JSON.stringify({ type: 'service_account', client_email: 'robot@example.com', private_key: pem, private_key_id: 'k1', token_uri: `${server.url}/token`, ...changes }));
    return path;
  }

  function verified(request: ScriptedRequest): Record<string, unknown> | null {
    const { grant_type: grant, assertion = '' } = form(request);
    const [header = '', claims = '', signature = ''] = assertion.split('.');
    const good = verify('sha256', Buffer.from(`${header}.${claims}`), createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })), Buffer.from(signature, 'base64url'));
    const decoded = [header, claims].map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>);
    return good && grant === 'urn:ietf:params:oauth:grant-type:jwt-bearer' ? { ...decoded[0], ...decoded[1] } : null;
  }

  it('signs an assertion with the key of a service account', async () => {
    let claims: Record<string, unknown> | null = null;
    routes({
      '/token': (request, response) => {
        claims = verified(request);
        return json({ access_token: 'ya29.x', expires_in: 3599, token_type: 'Bearer' }, claims === null ? 400 : 200)(request, response);
      },
    });

    const got = await credential({ kind: 'gar', serviceAccount: { keyFile: await keyFile(), scope: 'https://example.com/scope' } });

    const now = Math.floor(Date.now() / 1000);
    expect(got).toEqual({ username: 'oauth2accesstoken', password: 'ya29.x' });
    expect(claims).toMatchObject({ alg: 'RS256', typ: 'JWT', kid: 'k1', iss: 'robot@example.com', scope: 'https://example.com/scope', aud: `${server.url}/token` });
    expect(Number(claims?.['exp']) - Number(claims?.['iat'])).toBe(3600);
    expect(Math.abs(Number(claims?.['iat']) - now)).toBeLessThan(30);
  });

  it('asks the metadata server', async () => {
    routes({ '/computeMetadata/token': json({ access_token: 'ya29.y', expires_in: 1200 }) });

    expect(await credential({ kind: 'gar', metadata: { url: `${server.url}/computeMetadata/token` } })).toEqual({ username: 'oauth2accesstoken', password: 'ya29.y' });
    expect(server.requests[0]?.headers['metadata-flavor']).toBe('Google');
  });

  it.each<[string, object, ScriptedHandler, string, RegExp]>([
    ['a deleted key', {}, json({ error: 'invalid_grant', error_description: 'hunter2' }, 400), 'storage-denied', /400 \(invalid_grant\); check that the key of serviceAccount\.keyFile/],
    ['a file that is no key', { private_key: 'hunter2' }, json({}), 'config', /is not the JSON key of a service account/],
    ['a token service without TLS', { token_uri: 'http://token.example.com' }, json({}), 'config', /token_uri: must be an https/],
    ['an answer without a token', {}, json({ id_token: 'hunter2' }), 'storage-unavailable', /has no access_token/],
  ])('says what to change after %s, and shows no secret', async (_name, changes, handler, code, text) => {
    server.answer(handler);
    const options = { kind: 'gar', serviceAccount: { keyFile: await keyFile(changes), scope: 's' } } as const;

    await expect(credential(options)).rejects.toMatchObject({ code, message: expect.stringMatching(text) as string });
    await expect(credential(options)).rejects.toMatchObject({ message: expect.not.stringContaining('hunter2') as string });
  });
});

describe('ACR', () => {
  const jwt = (exp: number): string => `h.${Buffer.from(JSON.stringify({ exp })).toString('base64url')}.s`;
  const principal = (): object => ({ tokenUrl: `${server.url}/tenant/oauth2/v2.0/token`, clientId: 'app', scope: 'https://example.com/.default' });

  it('exchanges the token of a service principal at the registry', async () => {
    const refresh = jwt(Date.now() / 1000 + 10_800);
    routes({ '/tenant/oauth2/v2.0/token': json({ access_token: 'aad', expires_in: 3599 }), '/oauth2/exchange': json({ refresh_token: refresh }) });

    const got = await credential({ kind: 'acr', tenant: 'tenant', servicePrincipal: { ...principal(), clientSecretFile: file('client-secret') } } as CloudCredentials);

    expect(got).toEqual({ identityToken: refresh });
    expect(server.requests.map(form)).toEqual([
      { grant_type: 'client_credentials', client_id: 'app', scope: 'https://example.com/.default', client_secret: SECRETS['client-secret'] },
      { grant_type: 'access_token', service: new URL(server.url).host, access_token: 'aad', tenant: 'tenant' },
    ]);
  });

  it('takes the federated token of a workload', async () => {
    routes({ '/tenant/oauth2/v2.0/token': json({ access_token: 'aad' }), '/oauth2/exchange': json({ refresh_token: 'opaque' }) });

    const got = await credential({ kind: 'acr', servicePrincipal: { ...principal(), clientAssertionFile: file('web-token') } } as CloudCredentials);

    expect(got).toEqual({ identityToken: 'opaque' });
    expect(form(server.requests[0])).toMatchObject({ client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', client_assertion: SECRETS['web-token'] });
  });

  it('exchanges the token of a managed identity', async () => {
    routes({ '/metadata/identity': json({ access_token: 'aad', expires_in: '86399' }), '/oauth2/exchange': json({ refresh_token: 'opaque' }) });

    const got = await credential({ kind: 'acr', managedIdentity: { url: `${server.url}/metadata/identity?resource=r` } });

    expect(got).toEqual({ identityToken: 'opaque' });
    expect(server.requests[0]).toMatchObject({ url: '/metadata/identity?resource=r', headers: { metadata: 'true' } });
  });

  it.each<[string, Record<string, ScriptedHandler>, string, RegExp]>([
    ['a secret that expired', { '/tenant/oauth2/v2.0/token': json({ error: 'invalid_client', error_description: 'hunter2' }, 401) }, 'storage-denied', /service principal: .*401 \(invalid_client\); check servicePrincipal\.clientId.*expired/],
    ['an identity without a role', { '/tenant/oauth2/v2.0/token': json({ access_token: 'aad-hunter2' }), '/oauth2/exchange': json({}, 401) }, 'storage-denied', /ACR token: 127.*401; give the identity a role on this registry/],
  ])('says what to change after %s, and shows no secret', async (_name, handlers, code, text) => {
    routes(handlers);
    const options = { kind: 'acr', servicePrincipal: { ...principal(), clientSecretFile: file('client-secret') } } as CloudCredentials;

    await expect(credential(options)).rejects.toMatchObject({ code, message: expect.stringMatching(text) as string });
    await expect(credential(options)).rejects.toMatchObject({ message: expect.not.stringContaining('hunter2') as string });
  });

  it('sends the directory token to no registry without TLS', async () => {
    routes({ '/metadata/identity': json({ access_token: 'aad' }) });
    const plain = cloudCredentials({ kind: 'acr', managedIdentity: { url: `${server.url}/metadata/identity` } }, { registry: new URL('http://registry.example.com') });

    await expect(plain.credentialFor('registry.example.com')).rejects.toMatchObject({ code: 'config', message: expect.stringContaining('STORAGE_URL') as string });
  });
});

it('gives the credential to no other host, and reports an unreachable service by its host', async () => {
  const gone = source({ kind: 'gar', metadata: { url: 'http://127.0.0.1:1/token?secret=hunter2' } });

  expect(await gone.credentialFor('elsewhere.example.com')).toBeNull();
  await expect(gone.credentialFor(new URL(server.url).host)).rejects.toMatchObject({ code: 'storage-unavailable', message: 'getting a GAR token: no complete answer from 127.0.0.1:1 (ECONNREFUSED); check that URL and the way to it' });
});
