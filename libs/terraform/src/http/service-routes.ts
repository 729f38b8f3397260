import { ProxyError } from '@oci-package-proxy/errors';
import { isLoopback, type PlatformConfig, publicBase } from '@oci-package-proxy/platform';

import { READ } from './read-context.ts';
import type { Exchange, Route } from './exchange.ts';

/** What {@link serviceRoutes} says. */
export interface ServiceRoutesOptions {
  readonly config: Pick<PlatformConfig, 'publicUrl' | 'trustedProxies'>;
  readonly prefix: string;
  /** The host of what is published here. */
  readonly own: string;
}

const BASE_TEXT = 'This is the address of a service, to which clients add the name of what they look for.';

/** What says how this is used, and clear words for what is not a document. */
export function serviceRoutes(options: ServiceRoutesOptions): Route[] {
  return [
    { methods: READ, pattern: '', handler: async (exchange) => sendUsage(exchange, options) },
    { methods: READ, pattern: 'providers/v1', handler: missing(`${BASE_TEXT} Providers: <namespace>/<type>/versions.`) },
    { methods: READ, pattern: 'upstream/:host/providers/v1', handler: missing(`${BASE_TEXT} Providers: <namespace>/<type>/versions.`) },
    { methods: READ, pattern: 'mirror', handler: missing('This is the address of a network mirror: put it into provider_installation of the CLI configuration, with the slash at its end.') },
  ];
}

/** Tells everybody how to use it, and nothing of what is in it. */
async function sendUsage({ request, reply }: Exchange, { config, prefix, own }: ServiceRoutesOptions): Promise<void> {
  const base = publicBase(request, config, prefix);
  // On loopback nobody said what this server is called: it is what it is asked as.
  const source = isLoopback(own) ? new URL(base).host : own;
  const lines = [
    'A registry of Terraform and OpenTofu providers and modules.',
    '',
    `Published here: ${source}/<namespace>/<type> and ${source}/<namespace>/<name>/<system>.`,
    '',
    'In the CLI configuration, for the providers and modules of another registry:',
    '',
    `  host "<host>" {`,
    `    services = { "providers.v1" = "${base}/upstream/<host>/providers/v1/", "modules.v1" = "${base}/upstream/<host>/modules/v1/" }`,
    '  }',
    '',
    'or, for providers alone:',
    '',
    '  provider_installation {',
    '    network_mirror {',
    `      url = "${base}/mirror/"`,
    '    }',
    '  }',
    '',
  ];
  await reply.code(200).header('cache-control', 'no-store').header('content-type', 'text/plain; charset=utf-8').send(Buffer.from(lines.join('\n')));
}

function missing(text: string): () => Promise<void> {
  return async () => {
    throw new ProxyError('not-found', text);
  };
}
