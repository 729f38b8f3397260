import { type Ecosystem, type EcosystemDefinition, type EcosystemSetup, makeUploadDirectory, type Metrics, privateNamesOf, type Runtime, upstreamSetting } from '@oci-package-proxy/platform';

import { defaultNpmUpstream } from './config/default-upstream.ts';
import { NPM_VARIABLES } from './config/npm-variables.ts';
import { npmMount } from './http/npm-mount.ts';
import { npmIngestCodec } from './ingest/npm-ingest-codec.ts';
import { NpmModule, type NpmObserver, type NpmUpstreamAccess } from './npm.module.ts';
import { ECOSYSTEM, packageRef } from './package-name.ts';

/** npm, as the apps list it. */
export const npm: EcosystemDefinition<typeof NPM_VARIABLES> = {
  name: ECOSYSTEM,
  variables: NPM_VARIABLES,
  create,
};

async function create({ runtime, prefix, values }: EcosystemSetup<typeof NPM_VARIABLES>): Promise<Ecosystem> {
  const { config } = runtime;
  const upstream = upstreamOf(runtime, await upstreamSetting({ config, variable: 'NPM_UPSTREAM_URL', given: values.NPM_UPSTREAM_URL, what: 'the npm registry', fallback: defaultNpmUpstream }));
  const names = privateNamesOf(config, ECOSYSTEM);
  return {
    name: ECOSYSTEM,
    mounts: [npmMount(prefix)],
    repositoriesOf: (name) => [packageRef(name)],
    codec: npmIngestCodec({ upstream, privateNames: names }),
    module: NpmModule.register({
      ledger: runtime.ledger,
      upstream,
      downloads: runtime.downloads,
      queue: runtime.queue,
      holderId: runtime.holders.id,
      access: runtime.access,
      tokens: runtime.tokens,
      privateNames: names,
      basePath: prefix,
      config,
      uploadDirectory: await makeUploadDirectory(config, ECOSYSTEM),
      limits: config.file.limits,
      logger: runtime.logger,
      observer: observerOf(runtime.metrics),
    }),
    hints: (origin, token) => hints(`${origin}${prefix}/`, token),
  };
}

function upstreamOf(runtime: Runtime, url: string | null): NpmUpstreamAccess | null {
  if (url === null) {
    return null;
  }
  const { upstream, documents } = runtime.upstreamAt(url, ECOSYSTEM);
  return { url, http: upstream, documents };
}

function observerOf(metrics: Metrics): NpmObserver {
  return {
    onRead: (kind, result) => metrics.cacheRequests.inc({ ecosystem: ECOSYSTEM, kind, result }),
    onEnqueued: (outcome) => {
      if (outcome === 'failed') {
        metrics.ingestEnqueueFailures.inc({ ecosystem: ECOSYSTEM });
      }
    },
    onWrite: (result) => metrics.publishes.inc({ ecosystem: ECOSYSTEM, result }),
  };
}

function hints(registry: string, token: string | null): string[] {
  const host = registry.replace(/^https?:/, '');
  return [
    `npm config set registry ${registry}`,
    ...(token === null ? [] : [`npm config set ${host}:_authToken ${token}`]),
  ];
}
