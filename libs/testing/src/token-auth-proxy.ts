import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

import { forwardRequest, withoutCredential } from './forwarded-request.ts';

/** Options of {@link startTokenAuthProxy}. */
export interface TokenAuthOptions {
  /** The registry behind it, without authentication: `http://127.0.0.1:<port>`. */
  readonly target: string;
  /** Who may have tokens; without it anonymous callers may. */
  readonly user?: { readonly username: string; readonly password: string };
  /** A refresh token that is taken in the POST form. */
  readonly identityToken?: string;
  /** `expires_in` in seconds; not sent when missing. */
  readonly lifetimeS?: number;
  /** Name of the token in the answer; default `token`. */
  readonly field?: 'token' | 'access_token';
}

/** A registry that wants Bearer tokens and issues them itself, at `/token`. */
export interface TokenAuthProxy {
  readonly url: string;
  readonly port: number;
  /** The scopes of every token that was issued, oldest first. */
  readonly issued: readonly (readonly string[])[];
  /** From now on no token issued before is taken. */
  revokeAll(): void;
  stop(): Promise<void>;
}

/** Starts a proxy in front of `target` that adds token authentication: https://distribution.github.io/distribution/spec/auth/token/ */
export async function startTokenAuthProxy(options: TokenAuthOptions): Promise<TokenAuthProxy> {
  const issued: string[][] = [];
  const tokens = new Map<string, readonly string[]>();
  const server = createServer((message, response) => {
    const url = new URL(message.url ?? '/', 'http://127.0.0.1');
    if (url.pathname === '/token') {
      void issue({ message, response, url }, { options, issued, tokens });
      return;
    }
    const scope = neededScope(message.method ?? 'GET', url.pathname);
    const granted = tokens.get((message.headers.authorization ?? '').replace(/^Bearer /, ''));
    if (granted !== undefined && (scope === null || granted.some((given) => covers(given, scope)))) {
      forwardRequest(message, response, { target: options.target, headers: withoutCredential(message) });
      return;
    }
    message.resume();
    const parameters = `realm="http://${message.headers.host}/token",service="test, registry"${scope === null ? '' : `,scope="${scope}"`}`;
    response.writeHead(401, { 'www-authenticate': `Bearer ${parameters}` }).end('{"errors":[{"code":"UNAUTHORIZED"}]}');
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    issued,
    revokeAll: () => tokens.clear(),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Exchange {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
}

interface Issuer {
  readonly options: TokenAuthOptions;
  readonly issued: string[][];
  readonly tokens: Map<string, readonly string[]>;
}

async function issue(exchange: Exchange, issuer: Issuer): Promise<void> {
  const scopes = await acceptedScopes(exchange, issuer.options);
  if (scopes === null) {
    exchange.response.writeHead(401).end();
    return;
  }
  const token = `token-${issuer.issued.length}`;
  issuer.issued.push(scopes);
  issuer.tokens.set(token, scopes);
  const lifetime = issuer.options.lifetimeS === undefined ? {} : { expires_in: issuer.options.lifetimeS };
  exchange.response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ [issuer.options.field ?? 'token']: token, ...lifetime }));
}

async function acceptedScopes({ message, url }: Exchange, options: TokenAuthOptions): Promise<string[] | null> {
  if (message.method === 'POST') {
    let text = '';
    for await (const chunk of message) {
      text += String(chunk);
    }
    const form = new URLSearchParams(text);
    const valid = options.identityToken !== undefined && form.get('refresh_token') === options.identityToken;
    return valid ? (form.get('scope') ?? '').split(' ') : null;
  }
  const { user } = options;
  const basic = user === undefined ? undefined : `Basic ${Buffer.from(`${user.username}:${user.password}`).toString('base64')}`;
  return message.headers.authorization === basic ? url.searchParams.getAll('scope') : null;
}

function neededScope(method: string, path: string): string | null {
  const repository = /^\/v2\/(.+)\/(?:blobs|manifests|tags)\//.exec(path)?.[1];
  if (repository === undefined) {
    return null;
  }
  const actions = { GET: 'pull', HEAD: 'pull', DELETE: 'delete' }[method] ?? 'pull,push';
  return `repository:${repository}:${actions}`;
}

function covers(given: string, needed: string): boolean {
  const [, repository, actions = ''] = given.split(':');
  const [, neededRepository, neededActions = ''] = needed.split(':');
  const allowed = actions.split(',');
  return repository === neededRepository && neededActions.split(',').every((action) => allowed.includes(action));
}
