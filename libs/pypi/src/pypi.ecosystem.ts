import { type Ecosystem, type EcosystemDefinition, type EcosystemSetup, makeUploadDirectory, type Metrics, privateNamesOf, upstreamSetting } from '@oci-package-proxy/platform';
import type { z } from 'zod';

import { clientHints } from './config/client-hints.ts';
import { createIndexes } from './config/create-indexes.ts';
import { defaultPypiUpstream } from './config/default-upstream.ts';
import { PYPI_SECTION, type PypiSection } from './config/pypi-section.ts';
import { PYPI_VARIABLES } from './config/pypi-variables.ts';
import { pypiMounts } from './http/pypi-mounts.ts';
import { pypiCommands } from './manage/admin-commands.ts';
import { ECOSYSTEM, holdingRefs } from './model/holdings.ts';
import { PypiModule, type PypiObserver } from './pypi.module.ts';
import { createPypiParts, type PypiLogger } from './pypi.parts.ts';

/** PyPI, as the apps list it. */
export const pypi: EcosystemDefinition<typeof PYPI_VARIABLES> = {
  name: ECOSYSTEM,
  variables: PYPI_VARIABLES,
  section: PYPI_SECTION,
  create,
};

type Values = z.output<z.ZodObject<typeof PYPI_VARIABLES>>;

async function create({ runtime, prefix, root, values, section }: EcosystemSetup<typeof PYPI_VARIABLES>): Promise<Ecosystem> {
  const { config, logger, metrics } = runtime;
  const indexes = createIndexes({
    section: section as PypiSection,
    defaultUrl: await upstreamSetting({ config, variable: 'PYPI_UPSTREAM_URL', given: values.PYPI_UPSTREAM_URL, what: 'the index of Python packages', fallback: async () => machineUpstream(values, logger) }),
    privateNames: privateNamesOf(config, ECOSYSTEM),
    upstreamAt: (url) => runtime.upstreamAt(url, ECOSYSTEM),
  });
  const { codec, ...parts } = createPypiParts({
    ledger: runtime.ledger,
    indexes,
    downloads: runtime.downloads,
    queue: runtime.queue,
    holderId: runtime.holders.id,
    uploadDirectory: await makeUploadDirectory(config, ECOSYSTEM),
    limits: config.file.limits,
    logger,
    onEnqueued: (outcome) => countEnqueued(metrics, outcome),
  });
  return {
    name: ECOSYSTEM,
    mounts: pypiMounts(prefix, root),
    codec,
    commands: pypiCommands(parts.management),
    repositoriesOf: (name) => holdingRefs(name, Object.keys((section as PypiSection).upstreams)),
    module: PypiModule.register({ parts, access: runtime.access, prefix, root, config, observer: observerOf(metrics) }),
    hints: (origin, token) => clientHints(`${origin}${prefix}`, token),
  };
}

/** A machine without Python must still start, for those who are here for other packages. */
async function machineUpstream(values: Values, logger: PypiLogger): Promise<string | null> {
  const index = await defaultPypiUpstream([values.UV_DEFAULT_INDEX, values.UV_INDEX_URL]);
  if (index === null) {
    logger.warn({ variable: 'PYPI_UPSTREAM_URL' }, 'neither pip nor uv says which index this machine uses: no Python packages are pulled through until one is set');
    return null;
  }
  if (index.hadCredential) {
    logger.warn({ variable: 'PYPI_UPSTREAM_URL' }, 'the index that pip uses on this machine has a credential in its URL, which is left out: give it in CONFIG_FILE.upstreams');
  }
  return index.url;
}

function countEnqueued(metrics: Metrics, outcome: 'queued' | 'failed'): void {
  if (outcome === 'failed') {
    metrics.ingestEnqueueFailures.inc({ ecosystem: ECOSYSTEM });
  }
}

function observerOf(metrics: Metrics): PypiObserver {
  return {
    onRead: (kind, result) => metrics.cacheRequests.inc({ ecosystem: ECOSYSTEM, kind, result }),
    onWrite: (result) => metrics.publishes.inc({ ecosystem: ECOSYSTEM, result }),
  };
}
