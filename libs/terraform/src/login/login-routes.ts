import type { Principal } from '@oci-package-proxy/access';
import { isProxyError, ProxyError } from '@oci-package-proxy/errors';
import { statusOf } from '@oci-package-proxy/platform';

import { READ } from '../http/read-context.ts';
import { queryOf } from '../http/request-path.ts';
import type { Exchange, Route } from '../http/exchange.ts';
import { formBody } from './form-body.ts';
import type { LoginGrant } from './login-codes.ts';
import type { LoginOptions } from './login-options.ts';
import { failurePage, loginPage, pageHeaders } from './login-page.ts';
import { type LoginRequest, loginRequest, parametersOf, redirectWith } from './login-request.ts';
import { tokenRoute } from './token-route.ts';

/** `terraform login`: https://developer.hashicorp.com/terraform/internals/login-protocol */
export function loginRoutes(options: LoginOptions): Route[] {
  const login = new Login(options);
  return [
    { methods: READ, pattern: 'login/authorize', anybody: true, handler: async (exchange) => login.ask(exchange) },
    { methods: ['POST'], pattern: 'login/authorize', anybody: true, handler: async (exchange) => login.signIn(exchange) },
    tokenRoute(options),
  ];
}

class Login {
  readonly #options: LoginOptions;

  constructor(options: LoginOptions) {
    this.#options = options;
  }

  async ask(exchange: Exchange): Promise<void> {
    await this.#onPage(exchange, async () => {
      this.#checkEnabled();
      await this.#form(exchange, loginRequest(queryOf(exchange.request.originalUrl)), { status: 200, user: '', problem: '' });
    });
  }

  async signIn(exchange: Exchange): Promise<void> {
    await this.#onPage(exchange, async () => {
      this.#checkEnabled();
      checkSite(exchange);
      const fields = await formBody(exchange.request);
      const request = loginRequest(fields);
      const [user, password] = [fields.get('user') ?? '', fields.get('password') ?? ''];
      const owner = await this.#ownerOf(exchange, user.trim(), password).catch((error: unknown) => {
        if (isProxyError(error, 'unauthenticated') || isProxyError(error, 'rate-limited')) {
          return error;
        }
        throw error;
      });
      if (owner instanceof ProxyError) {
        // Not 401: browsers would ask for a password themselves.
        await this.#form(exchange, request, { status: owner.code === 'rate-limited' ? 429 : 403, user, problem: owner.message });
        return;
      }
      const code = this.#options.codes.make({ owner, challenge: request.challenge, redirectUri: request.redirectUri });
      await exchange.reply.code(303).headers(pageHeaders(request.redirectUri)).header('location', redirectWith(request, code)).send();
    });
  }

  /** @throws ProxyError `unauthenticated`, `rate-limited`, `storage-unavailable`. */
  async #ownerOf({ request }: Exchange, user: string, password: string): Promise<LoginGrant['owner']> {
    if (user.includes(':')) {
      throw new ProxyError('unauthenticated', 'The user name or the password is wrong.');
    }
    const basic = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    const who = await this.#options.access.authenticate(basic, { clientAddress: this.#options.gate.addressOf(request) });
    return ownerFrom(who, password);
  }

  async #form(exchange: Exchange, request: LoginRequest, { status, user, problem }: { readonly status: number; readonly user: string; readonly problem: string }): Promise<void> {
    const { own, days } = this.#options;
    const html = loginPage({ host: own, redirectUri: request.redirectUri, parameters: parametersOf(request), days, user, problem });
    await exchange.reply.code(status).headers(pageHeaders(request.redirectUri)).send(Buffer.from(html));
  }

  /** What goes wrong is read by people, in a browser. */
  async #onPage({ reply }: Exchange, answer: () => Promise<void>): Promise<void> {
    try {
      await answer();
    } catch (error) {
      if (!(error instanceof ProxyError) || error.code === 'internal' || error.code === 'aborted') {
        throw error;
      }
      await reply.code(statusOf(error)).headers(pageHeaders(null)).send(Buffer.from(failurePage(error.message)));
    }
  }

  #checkEnabled(): void {
    if (!this.#options.enabled) {
      throw new ProxyError('not-found', 'Nobody can sign in to this server: it has no users, or publishing is switched off, and tokens are stored the same way.');
    }
  }
}

/** A token is as good as what it would be exchanged for, and must not make others that outlive it: it is handed on. */
function ownerFrom(who: Principal, password: string): LoginGrant['owner'] {
  switch (who.kind) {
    case 'user':
    case 'admin':
      return { kind: who.kind, name: who.name };
    case 'token':
      return { kind: 'token', token: password };
    case 'registry':
      throw new ProxyError('unauthenticated', 'This is an account of the registry, and there is no token to make for it. Give terraform its user name and password as the token, with a colon between them, in base64.');
    case 'anonymous':
      throw new ProxyError('unauthenticated', 'Give a user name and a password.');
  }
}

/** Another site must not sign a browser in: the program that waits would hold somebody else's token. */
function checkSite({ request }: Exchange): void {
  if (request.headers['sec-fetch-site'] === 'cross-site') {
    throw new ProxyError('forbidden', 'This form was sent by another site. Run terraform login again.');
  }
}
