import type { Principal, Tokens } from '@oci-package-proxy/access';
import { ProxyError } from '@oci-package-proxy/errors';
import { type Gate, readJson } from '@oci-package-proxy/platform';

import { loginBody, tokenBody } from '../account/login-body.ts';
import { tokenAnswer, tokenWishes } from '../account/token-wishes.ts';
import { sendJson } from './json-answer.ts';
import type { Exchange, Route } from './route-table.ts';

const COUCH_USER = 'org.couchdb.user:';
const BODY_BYTES = 64 * 1024;

/** What {@link accountRoutes} answers from. */
export interface AccountRoutesOptions {
  readonly gate: Gate;
  readonly tokens: Tokens;
  /** False: publishing is switched off, and storage may be readable only. Tokens are stored there too. */
  readonly writable: boolean;
}

/** Who one is, signing in and out, and tokens. */
export function accountRoutes(options: AccountRoutesOptions): Route[] {
  const account = new Account(options);
  return [
    { methods: ['GET'], pattern: '-/whoami', handler: async ({ reply, who }) => sendJson(reply, { username: known(who).name }) },
    { methods: ['PUT'], pattern: '-/user/:user', handler: async (exchange) => account.login(exchange), anybody: true },
    { methods: ['PUT'], pattern: '-/user/:user/-rev/:rev', handler: async (exchange) => account.login(exchange), anybody: true },
    { methods: ['GET'], pattern: '-/user/:user', handler: async (exchange) => account.user(exchange) },
    { methods: ['DELETE'], pattern: '-/user/token/:token', handler: async (exchange) => account.revoke(exchange) },
    { methods: ['GET'], pattern: '-/npm/v1/user', handler: async ({ reply, who }) => sendJson(reply, profileOf(known(who))) },
    { methods: ['GET'], pattern: '-/npm/v1/tokens', handler: async (exchange) => account.listTokens(exchange) },
    { methods: ['POST'], pattern: '-/npm/v1/tokens', handler: async (exchange) => account.createToken(exchange) },
    { methods: ['DELETE'], pattern: '-/npm/v1/tokens/token/:token', handler: async (exchange) => account.revoke(exchange) },
  ];
}

class Account {
  readonly #options: AccountRoutesOptions;

  constructor(options: AccountRoutesOptions) {
    this.#options = options;
  }

  async login({ request, reply, params }: Exchange): Promise<void> {
    const { gate, tokens } = this.#options;
    this.#checkWritable();
    const { name, password } = loginBody(await readJson(request, BODY_BYTES));
    const id = params['user'] ?? '';
    if (id !== `${COUCH_USER}${name}`) {
      throw new ProxyError('invalid', 'The user name in the URL is not the one in the body.');
    }
    const { token } = await tokens.login(name, password, { clientAddress: gate.addressOf(request) });
    // yarn 1 wants `ok`; the others read the token only.
    await sendJson(reply, { ok: `you are signed in as ${JSON.stringify(name)}`, success: true, id, rev: '1', token }, 201);
  }

  async user({ reply, who, params }: Exchange): Promise<void> {
    known(who);
    const id = params['user'] ?? '';
    if (!id.startsWith(COUCH_USER)) {
      throw new ProxyError('not-found', 'There is no such user.');
    }
    await sendJson(reply, { _id: id, name: id.slice(COUCH_USER.length), email: '', type: 'user', roles: [] });
  }

  /** The token itself may stand in the URL: it is neither logged nor repeated. */
  async revoke({ reply, who, params }: Exchange): Promise<void> {
    const owner = known(who);
    this.#checkWritable();
    await this.#options.tokens.revoke(owner, params['token'] ?? '');
    await sendJson(reply, { ok: true, success: true });
  }

  async listTokens({ reply, who }: Exchange): Promise<void> {
    const tokens = await this.#options.tokens.list(known(who));
    await sendJson(reply, { objects: tokens.map(tokenAnswer), total: tokens.length, urls: {} });
  }

  async createToken({ request, reply, who }: Exchange): Promise<void> {
    const { gate, tokens } = this.#options;
    const owner = known(who);
    this.#checkWritable();
    const body = tokenBody(await readJson(request, BODY_BYTES));
    const password = body.password ?? '';
    // A token that fell into wrong hands must not make others that outlive it.
    if (password === '' || !(await gate.checkPassword(request, owner, password))) {
      throw new ProxyError('unauthenticated', 'Making a token takes the password of the user who is signed in.');
    }
    const { token, info } = await tokens.issue(who, tokenWishes(body, Date.now()));
    await sendJson(reply, { ...tokenAnswer(info), token }, 201);
  }

  #checkWritable(): void {
    if (!this.#options.writable) {
      throw new ProxyError('forbidden', 'Publishing is switched off on this server, and so are signing in and changing tokens. Use a server where it is on, or user name and password.');
    }
  }
}

function known(who: Principal): Principal {
  if (who.kind === 'anonymous') {
    throw new ProxyError('unauthenticated', 'Nobody is signed in.');
  }
  return who;
}

function profileOf({ name }: Principal): Record<string, unknown> {
  return { name, email: '', email_verified: false, fullname: '', tfa: false, cidr_whitelist: null };
}
