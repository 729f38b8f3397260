import { isProxyError, ProxyError } from '@oci-package-proxy/errors';
import { type Gate, readJson } from '@oci-package-proxy/platform';
import type { PackageRef } from '@oci-package-proxy/storage';

import { packageRef } from '../package-name.ts';
import type { WriteAnswer } from '../publish/write-answer.ts';
import type { PackageWrites } from '../publish/write-package.ts';
import { sendJson } from './json-answer.ts';
import type { Exchange, Route } from './route-table.ts';

// A thousand dist-tags with their versions.
const DIST_TAG_BODY_BYTES = 512 * 1024;

/** What {@link writeRoutes} answers from. */
export interface WriteRoutesOptions {
  readonly gate: Gate;
  /** Null: publishing is switched off. */
  readonly writes: PackageWrites | null;
  /** Told how every change ended, for metrics. Must not throw. */
  readonly onWrite?: (result: 'done' | 'refused' | 'failed') => void;
}

/** Everything that changes a package. */
export function writeRoutes(options: WriteRoutesOptions): Route[] {
  const writer = new Writer(options);
  const tag = '-/package/:pkg/dist-tags/:tag';
  return [
    { methods: ['PUT', 'POST'], pattern: tag, handler: async (exchange) => writer.setDistTag(exchange) },
    { methods: ['DELETE'], pattern: tag, handler: async (exchange) => writer.removeDistTag(exchange) },
    { methods: ['POST', 'PUT'], pattern: '-/package/:pkg/dist-tags', handler: async (exchange) => writer.mergeDistTags(exchange) },
    { methods: ['DELETE'], pattern: ':pkg/-/*file/-rev/:rev', handler: async (exchange) => writer.removeTarball(exchange) },
    { methods: ['DELETE'], pattern: ':pkg/-rev/:rev', handler: async (exchange) => writer.removePackage(exchange) },
    { methods: ['PUT'], pattern: ':pkg/-rev/:rev', handler: async (exchange) => writer.put(exchange) },
    { methods: ['PUT'], pattern: ':pkg', handler: async (exchange) => writer.put(exchange) },
  ];
}

type Change = (writes: PackageWrites, ref: PackageRef) => Promise<WriteAnswer>;

class Writer {
  readonly #options: WriteRoutesOptions;

  constructor(options: WriteRoutesOptions) {
    this.#options = options;
  }

  async put(exchange: Exchange): Promise<void> {
    const { request, who, params } = exchange;
    const { gate } = this.#options;
    await this.#change(exchange, null, async (writes, ref) =>
      writes.put(ref, request.raw, who, { revision: params['rev'] ?? null, authorize: (action) => gate.authorize(who, action, ref.name) }),
    );
  }

  async removePackage(exchange: Exchange): Promise<void> {
    await this.#change(exchange, 'delete', async (writes, ref) => writes.removePackage(ref, exchange.who, { revision: exchange.params['rev'] ?? null }));
  }

  async removeTarball(exchange: Exchange): Promise<void> {
    await this.#change(exchange, 'delete', async (writes, ref) => writes.removeTarball(ref, exchange.params['file'] ?? '', exchange.who));
  }

  async setDistTag(exchange: Exchange): Promise<void> {
    await this.#change(exchange, 'publish', async (writes, ref) => writes.setDistTag(ref, exchange.params['tag'] ?? '', await this.#json(exchange), { who: exchange.who }));
  }

  async removeDistTag(exchange: Exchange): Promise<void> {
    await this.#change(exchange, 'publish', async (writes, ref) => writes.removeDistTag(ref, exchange.params['tag'] ?? '', { who: exchange.who }));
  }

  async mergeDistTags(exchange: Exchange): Promise<void> {
    await this.#change(exchange, 'publish', async (writes, ref) => writes.mergeDistTags(ref, await this.#json(exchange), { who: exchange.who }));
  }

  /** @param action null: publish or delete, the body says which. */
  async #change({ reply, who, params }: Exchange, action: 'publish' | 'delete' | null, change: Change): Promise<void> {
    const { gate, writes, onWrite } = this.#options;
    const ref = packageRef(params['pkg'] ?? '');
    if (action === null) {
      await gate.authorizeChange(who, ref.name);
    } else {
      await gate.authorize(who, action, ref.name);
    }
    if (writes === null) {
      throw new ProxyError('forbidden', 'Publishing is switched off on this server.');
    }
    try {
      const { status, body } = await change(writes, ref);
      onWrite?.('done');
      await sendJson(reply, body, status);
    } catch (error) {
      onWrite?.(isRefusal(error) ? 'refused' : 'failed');
      throw withoutRetries(error);
    }
  }

  async #json({ request }: Exchange): Promise<unknown> {
    return readJson(request, DIST_TAG_BODY_BYTES);
  }
}

function isRefusal(error: unknown): boolean {
  const codes = ['invalid', 'unprocessable', 'unauthenticated', 'forbidden', 'not-found', 'conflict', 'too-large', 'unsupported'] as const;
  return codes.some((code) => isProxyError(error, code));
}

/** npm repeats what was answered 5xx for more than a minute; what is not done here is not done a minute later either. */
function withoutRetries(error: unknown): unknown {
  return isProxyError(error, 'unsupported') ? new ProxyError('forbidden', error.message, { cause: error }) : error;
}
