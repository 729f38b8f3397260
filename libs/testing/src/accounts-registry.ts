import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

import { forwardRequest, withoutCredential } from './forwarded-request.ts';

/** An account of an {@link AccountsRegistry}; a test may change it while it runs. */
export interface RegistryAccount {
  password: string;
  /** What it may do, by the beginning of repository names: `team/npm/a`. The longest that fits counts. */
  rights: Readonly<Record<string, readonly ('pull' | 'push' | 'delete')[]>>;
}

/** A request as it came in. */
export interface AccountRequest {
  readonly method: string;
  readonly path: string;
  /** Whose it was: by its Basic credential, or by the token. Null: nobody's. */
  readonly account: string | null;
}

/** A registry with accounts that have rights in some repositories only. */
export interface AccountsRegistry {
  readonly url: string;
  readonly accounts: Map<string, RegistryAccount>;
  /** Everything that was asked, tokens too; oldest first. */
  readonly requests: readonly AccountRequest[];
  /** From now on every connection breaks off, until it is called with false. */
  breakOff(broken: boolean): void;
  stop(): Promise<void>;
}

/** How an {@link AccountsRegistry} is set up. */
export interface AccountsRegistryOptions {
  /** The registry behind it, without authentication: `http://127.0.0.1:<port>`. */
  readonly target: string;
  /** Basic; or Bearer, with tokens that say what they are for, or that do not. */
  readonly form: 'basic' | 'jwt' | 'opaque';
  readonly accounts: Readonly<Record<string, RegistryAccount>>;
}

interface State {
  readonly options: AccountsRegistryOptions;
  readonly accounts: Map<string, RegistryAccount>;
  readonly requests: AccountRequest[];
  /** Owners and granted scopes by token. */
  readonly tokens: Map<string, { readonly account: string; readonly granted: ReadonlyMap<string, readonly string[]> }>;
  broken: boolean;
}

interface Exchange {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
}

const REPOSITORY = /^\/v2\/(.+)\/(?:blobs|manifests|tags)\//;

/** Starts an {@link AccountsRegistry}: as registries do, it looks at rights before it looks whether anything is there. */
export async function startAccountsRegistry(options: AccountsRegistryOptions): Promise<AccountsRegistry> {
  const state: State = { options, accounts: new Map(Object.entries(options.accounts)), requests: [], tokens: new Map(), broken: false };
  const server = createServer((message, response) => {
    response.on('error', () => undefined);
    if (state.broken) {
      message.destroy();
      return;
    }
    serve({ message, response, url: new URL(message.url ?? '/', 'http://127.0.0.1') }, state);
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    accounts: state.accounts,
    requests: state.requests,
    breakOff: (broken) => {
      state.broken = broken;
      server.closeAllConnections();
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function serve(exchange: Exchange, state: State): void {
  const { message, url } = exchange;
  const bearer = state.tokens.get((message.headers.authorization ?? '').replace(/^Bearer /, ''));
  const basic = basicAccount(message.headers.authorization, state);
  const account = bearer?.account ?? basic;
  state.requests.push({ method: message.method ?? '', path: url.pathname + url.search, account });
  if (url.pathname === '/token') {
    issue(exchange, basic, state);
    return;
  }
  const isIn = state.options.form === 'basic' ? basic !== null : bearer !== undefined;
  const repository = REPOSITORY.exec(url.pathname)?.[1];
  const needed = neededActions(message.method ?? 'GET');
  if (!isIn) {
    challenge(exchange, state, repository === undefined ? null : `repository:${repository}:${needed.join(',')}`);
    return;
  }
  const allowed = repository === undefined ? needed : (bearer?.granted.get(repository) ?? (bearer === undefined ? rightsOf(state, account, repository) : []));
  if (needed.every((action) => allowed.includes(action))) {
    forwardRequest(message, exchange.response, { target: state.options.target, headers: withoutCredential(message) });
    return;
  }
  message.resume();
  if (state.options.form === 'basic') {
    exchange.response.writeHead(403, { 'content-type': 'application/json' }).end('{"errors":[{"code":"DENIED"}]}');
    return;
  }
  challenge(exchange, state, `repository:${repository}:${needed.join(',')}`);
}

function issue({ response, url }: Exchange, account: string | null, state: State): void {
  if (account === null) {
    response.writeHead(401).end();
    return;
  }
  const granted = new Map<string, readonly string[]>();
  for (const scope of url.searchParams.getAll('scope')) {
    const [, repository = '', actions = ''] = scope.split(':');
    granted.set(repository, rightsOf(state, account, repository).filter((action) => actions.split(',').includes(action)));
  }
  const access = [...granted].map(([name, actions]) => ({ type: 'repository', name, actions }));
  const number = state.tokens.size;
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const token = state.options.form === 'jwt' ? `${part({ alg: 'none' })}.${part({ sub: account, access, jti: number })}.c2lnbmF0dXJl` : `opaque-${number}`;
  state.tokens.set(token, { account, granted });
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ token }));
}

function challenge({ message, response }: Exchange, { options }: State, scope: string | null): void {
  message.resume();
  const bearer = `Bearer realm="http://${message.headers.host}/token",service="accounts"${scope === null ? '' : `,scope="${scope}"`}`;
  response.writeHead(401, { 'www-authenticate': options.form === 'basic' ? 'Basic realm="accounts"' : bearer }).end('{"errors":[{"code":"UNAUTHORIZED"}]}');
}

function basicAccount(header: string | undefined, { accounts }: State): string | null {
  const text = header?.startsWith('Basic ') === true ? Buffer.from(header.slice('Basic '.length), 'base64').toString() : '';
  const colon = text.indexOf(':');
  const name = text.slice(0, colon);
  return accounts.get(name)?.password === text.slice(colon + 1) ? name : null;
}

function rightsOf({ accounts }: State, account: string | null, repository: string): readonly string[] {
  const rights = accounts.get(account ?? '')?.rights ?? {};
  const [longest] = Object.keys(rights).filter((beginning) => repository.startsWith(beginning)).sort((one, other) => other.length - one.length);
  return longest === undefined ? [] : (rights[longest] ?? []);
}

function neededActions(method: string): readonly string[] {
  if (method === 'GET' || method === 'HEAD') {
    return ['pull'];
  }
  return method === 'DELETE' ? ['delete'] : ['pull', 'push'];
}
