import type { Action } from '@oci-package-proxy/access';
import { ProxyError } from '@oci-package-proxy/errors';
import { annotateRequest } from '@oci-package-proxy/platform';

import { moduleIn, providerIn } from '../http/path-address.ts';
import { counted, sendAnswer, writeCall } from '../http/publish-context.ts';
import type { Exchange, Route } from '../http/exchange.ts';
import { ECOSYSTEM } from '../model/address.ts';
import { keyRoutes } from './key-routes.ts';
import type { ManageCall } from './manage-call.ts';
import { readYank } from './manage-body.ts';
import { checkWritable, hostOf, leaving, type ManageContext } from './manage-context.ts';
import { type ManagedPackage, managedRef } from './managed-package.ts';

const PATTERNS = { provider: 'providers/:namespace/:type', module: 'modules/:namespace/:name/:system' } as const;

/**
 * The management API, below `<root>/api/v1/terraform/`: what operators do to providers, modules and keys. `?host=` names another host
 * than that of what is published here. Every answer is JSON: 200 with what was done, or the platform's `{error, code}`.
 */
export function manageRoutes(options: ManageContext): Route[] {
  const { yanks, removals, states } = options.management;
  const packages = (['provider', 'module'] as const).flatMap((kind) => {
    const manager = new PackageManager(kind, options);
    const one = `${PATTERNS[kind]}/:version`;
    return [
      manager.read(async (managed, { signal }) => states.get(managed, { signal })),
      // Before the one of a version: `block` is none.
      manager.write('DELETE', `${PATTERNS[kind]}/block`, { action: 'delete', change: async (managed, call) => removals.unblock(managed, null, call) }),
      manager.write('DELETE', `${one}/block`, { action: 'delete', change: async (managed, call, { params }) => removals.unblock(managed, versionOf(params), call) }),
      manager.write('DELETE', PATTERNS[kind], { action: 'delete', change: async (managed, call) => removals.all(managed, call) }),
      manager.write('DELETE', one, { action: 'delete', change: async (managed, call, { params }) => removals.version(managed, versionOf(params), call) }),
      manager.write('PUT', `${one}/yank`, { action: 'publish', change: async (managed, call, { request, params }) => yanks.yank(managed, versionOf(params), { ...call, reason: await readYank(request) }) }),
      manager.write('DELETE', `${one}/yank`, { action: 'publish', change: async (managed, call, { params }) => yanks.unyank(managed, versionOf(params), call) }),
    ];
  });
  return [...keyRoutes(options), ...packages];
}

interface Write {
  readonly action: Extract<Action, 'publish' | 'delete'>;
  change(managed: ManagedPackage, call: ManageCall, exchange: Exchange): Promise<object>;
}

class PackageManager {
  readonly #kind: ManagedPackage['kind'];
  readonly #options: ManageContext;

  constructor(kind: ManagedPackage['kind'], options: ManageContext) {
    this.#kind = kind;
    this.#options = options;
  }

  read(answer: (managed: ManagedPackage, call: { readonly signal: AbortSignal }) => Promise<object>): Route {
    const handler = async (exchange: Exchange): Promise<void> => {
      const managed = await this.#authorized(exchange, 'read');
      await sendAnswer(exchange, 200, await answer(managed, { signal: leaving(exchange) }));
    };
    return { methods: ['GET', 'HEAD'], pattern: PATTERNS[this.#kind], handler };
  }

  write(method: string, pattern: string, { action, change }: Write): Route {
    const handler = async (exchange: Exchange): Promise<void> => {
      const managed = await this.#authorized(exchange, action);
      checkWritable(this.#options);
      await sendAnswer(exchange, 200, await counted(this.#options, async () => change(managed, writeCall(exchange), exchange)));
    };
    return { methods: [method], pattern, handler };
  }

  async #authorized(exchange: Exchange, action: Action): Promise<ManagedPackage> {
    const { gate, hosts } = this.#options;
    const managed = this.#managed(exchange, hostOf(exchange, hosts));
    if (managed === null) {
      // Whoever has no right at all shall not learn more than that.
      await gate.authorize(exchange.who, action, null);
      throw new ProxyError('invalid', `The path does not name a ${this.#kind}.`);
    }
    const { name } = managedRef(managed);
    annotateRequest({ ecosystem: ECOSYSTEM, package: name });
    await gate.authorize(exchange.who, action, name);
    return managed;
  }

  #managed({ params }: Exchange, host: string): ManagedPackage | null {
    if (this.#kind === 'provider') {
      const address = providerIn(params, host);
      return address && { kind: 'provider', address };
    }
    const address = moduleIn(params, host);
    return address && { kind: 'module', address };
  }
}

function versionOf(params: Readonly<Record<string, string>>): string {
  const version = params['version'] ?? '';
  annotateRequest({ version });
  return version;
}
