import type { Action } from '@oci-package-proxy/access';
import { ProxyError } from '@oci-package-proxy/errors';
import type { Gate } from '@oci-package-proxy/platform';

import { isRefusal } from '../http/read-context.ts';
import type { Exchange, Route } from '../http/exchange.ts';
import { normalizedName } from '../names/project-name.ts';
import type { ManageCall } from './manage-call.ts';
import { readStatus, readYank } from './manage-body.ts';
import type { Management } from './management.ts';

/** What {@link manageRoutes} answers from. */
export interface ManageRoutesOptions {
  readonly gate: Pick<Gate, 'authorize'>;
  readonly management: Management;
  /** False: publishing is switched off, and storage may be readable only. */
  readonly writable: boolean;
  /** Told how every change ended, for metrics. Must not throw. */
  readonly onWrite?: (result: 'done' | 'refused' | 'failed') => void;
}

/**
 * The management API, below `<root>/api/v1/pypi/`: what operators do to projects. Every answer is JSON: 200 with what was done, or
 * the platform's `{error, code}`.
 */
export function manageRoutes(options: ManageRoutesOptions): Route[] {
  const manager = new Manager(options);
  const { yanks, removals, statuses, states } = options.management;
  const version = 'projects/:name/versions/:version';
  const file = 'projects/:name/files/:file';
  return [
    manager.read('projects/:name', async (name, { signal }) => states.get(name, { signal })),
    manager.read('projects/:name/status', async (name, { signal }) => ({ name, ...(await statuses.get(name, { signal })) })),
    manager.write('PUT', 'projects/:name/status', { action: 'publish', change: async (name, call, { request }) => statuses.set(name, await readStatus(request), call) }),
    manager.write('PUT', `${version}/yank`, { action: 'publish', change: async (name, call, { request, params }) => yanks.yank(name, { version: param(params, 'version') }, { ...call, reason: await readYank(request) }) }),
    manager.write('DELETE', `${version}/yank`, { action: 'publish', change: async (name, call, { params }) => yanks.unyank(name, { version: param(params, 'version') }, call) }),
    manager.write('PUT', `${file}/yank`, { action: 'publish', change: async (name, call, { request, params }) => yanks.yank(name, { filename: param(params, 'file') }, { ...call, reason: await readYank(request) }) }),
    manager.write('DELETE', `${file}/yank`, { action: 'publish', change: async (name, call, { params }) => yanks.unyank(name, { filename: param(params, 'file') }, call) }),
    manager.write('DELETE', version, { action: 'delete', change: async (name, call, { params }) => removals.version(name, param(params, 'version'), call) }),
    manager.write('DELETE', file, { action: 'delete', change: async (name, call, { params }) => removals.file(name, param(params, 'file'), call) }),
    manager.write('DELETE', 'projects/:name', { action: 'delete', change: async (name, call) => removals.project(name, call) }),
  ];
}

interface Write {
  readonly action: Extract<Action, 'publish' | 'delete'>;
  /** @param name normalized. */
  change(name: string, call: ManageCall, exchange: Exchange): Promise<object>;
}

class Manager {
  readonly #options: ManageRoutesOptions;

  constructor(options: ManageRoutesOptions) {
    this.#options = options;
  }

  read(pattern: string, answer: (name: string, call: { readonly signal: AbortSignal }) => Promise<object>): Route {
    const handler = async (exchange: Exchange): Promise<void> => {
      const name = normalizedName(param(exchange.params, 'name'));
      await this.#options.gate.authorize(exchange.who, 'read', name);
      await send(exchange, await answer(name, { signal: leaving(exchange) }));
    };
    return { methods: ['GET', 'HEAD'], pattern, handler };
  }

  write(method: string, pattern: string, { action, change }: Write): Route {
    const handler = async (exchange: Exchange): Promise<void> => {
      const name = normalizedName(param(exchange.params, 'name'));
      await this.#options.gate.authorize(exchange.who, action, name);
      this.#checkWritable();
      await send(exchange, await this.#counted(async () => change(name, { by: exchange.who.name }, exchange)));
    };
    return { methods: [method], pattern, handler };
  }

  #checkWritable(): void {
    if (!this.#options.writable) {
      throw new ProxyError('forbidden', 'Publishing is switched off on this server, and so are all changes. Use a server where it is on.');
    }
  }

  async #counted(change: () => Promise<object>): Promise<object> {
    const { onWrite } = this.#options;
    try {
      const done = await change();
      onWrite?.('done');
      return done;
    } catch (error) {
      onWrite?.(isRefusal(error) ? 'refused' : 'failed');
      throw error;
    }
  }
}

/** Aborts when the client goes away. A change that has begun is never broken off: half of a deletion would be left. */
function leaving({ reply }: Exchange): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) {
      controller.abort(new ProxyError('aborted', 'The client left.'));
    }
  });
  return controller.signal;
}

function param(params: Readonly<Record<string, string>>, name: string): string {
  return params[name] ?? '';
}

async function send({ reply }: Exchange, body: object): Promise<void> {
  // Fastify leaves the type of a buffer alone.
  await reply.code(200).header('cache-control', 'no-store').header('content-type', 'application/json').send(Buffer.from(JSON.stringify(body)));
}
