import { type DynamicModule, type INestMicroservice, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

import { createIngestController, INGEST_USE_CASE, type IngestObservation, type IngestRunner, IngestUseCase, type QueueCounts } from '@oci-package-proxy/ingest';

import { HealthChecks } from '../health/health-checks.ts';
import { startInternalServer } from '../http/internal-server.ts';
import { createLogger } from '../logging/logger.ts';
import { NestLogger } from '../logging/nest-logger.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { type AppDefaults, loadAppConfig } from './app-config.ts';
import { createRuntime, type OwnedRuntime } from './create-runtime.ts';
import type { Ecosystem, EcosystemDefinition } from './ecosystem.ts';
import { closeAll, type RunningApp } from './front-end.ts';

const COUNT_EVERY_MS = 1_000;

/** The handlers of the ingest jobs of some ecosystems. */
@Module({})
export class IngestModule {
  static register(ecosystems: readonly string[], runner: IngestRunner): DynamicModule {
    return {
      module: IngestModule,
      controllers: ecosystems.map((ecosystem) => createIngestController(ecosystem)),
      providers: [{ provide: INGEST_USE_CASE, useValue: runner }],
    };
  }
}

/** An ingest worker. */
export interface IngestWorkerOptions extends AppDefaults {
  readonly ecosystems: readonly EcosystemDefinition[];
  /** The app's module, which imports what it is handed. */
  module(ingest: DynamicModule): DynamicModule;
}

/**
 * Starts an ingest worker as a process of its own: no public port, only the internal one.
 * @throws ProxyError `config`.
 */
export async function startIngestWorker(options: IngestWorkerOptions): Promise<RunningApp> {
  const config = await loadAppConfig(options, options.ecosystems, { standalone: false, listens: false });
  const logger = createLogger({ name: options.name, level: config.logLevel });
  const runtime = await createRuntime(config, logger);
  try {
    const wanted = options.ecosystems.filter(({ name }) => config.ecosystems === null || config.ecosystems.includes(name));
    const ecosystems = await Promise.all(wanted.map((definition) => definition.create({ runtime, prefix: '', root: '', values: config.values, section: config.sections[definition.name] })));
    const health = new HealthChecks({ checks: runtime.checks.map((check) => ({ ...check, required: check.name !== 'storage-writes' })), logger });
    const internal = await startInternalServer({ config, metrics: runtime.metrics, health, spool: runtime.downloads, logger });
    const ingest = await startIngest(runtime, ecosystems, options.module);
    await health.start();
    logger.info({ internal: internal.url, ecosystems: ecosystems.map(({ name }) => name) }, 'taking jobs');
    return {
      close: async () => {
        health.drain();
        await closeAll([() => ingest.close(), () => internal.close(), () => health.stop(), () => runtime.close()]);
      },
    };
  } catch (error) {
    await runtime.close();
    throw error;
  }
}

/** Takes the jobs of `ecosystems` in this process. */
export async function startIngest(runtime: OwnedRuntime, ecosystems: readonly Ecosystem[], module: (ingest: DynamicModule) => DynamicModule): Promise<RunningApp> {
  const { transport, logger, metrics } = runtime;
  const runner = new IngestUseCase({
    ledger: runtime.ledger,
    downloads: runtime.downloads,
    holders: runtime.holders,
    peer: runtime.peer,
    codecs: ecosystems.map(({ codec }) => codec),
    logger,
    observe: (event) => observe(metrics, event),
  });
  const names = ecosystems.map(({ name }) => name);
  const app: INestMicroservice = await NestFactory.createMicroservice(module(IngestModule.register(names, runner)), {
    strategy: transport.server(),
    abortOnError: false,
    logger: new NestLogger(logger),
  });
  await app.listen();
  const timer = setInterval(() => void count(runtime, names), COUNT_EVERY_MS);
  timer.unref();
  return {
    close: async () => {
      clearInterval(timer);
      await app.close();
    },
  };
}

function observe(metrics: Metrics, { ecosystem, outcome, ms, lagMs }: IngestObservation): void {
  metrics.ingestOutcomes.inc({ ecosystem, outcome });
  metrics.ingestDuration.observe({ ecosystem, result: outcome }, ms / 1000);
  metrics.ingestLag.observe({ ecosystem }, lagMs / 1000);
}

async function count({ transport, metrics }: OwnedRuntime, ecosystems: readonly string[]): Promise<void> {
  const counts = await transport.counts(ecosystems).catch(() => new Map<string, QueueCounts>());
  for (const [ecosystem, { waiting, active, delayed, failed }] of counts) {
    metrics.ingestJobsPending.set({ ecosystem }, waiting + active + delayed);
    for (const [state, value] of Object.entries({ waiting, active, delayed, failed })) {
      metrics.queueJobs.set({ queue: ecosystem, state }, value);
    }
  }
}
