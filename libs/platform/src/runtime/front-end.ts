import type { DynamicModule, Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';

import { HealthChecks } from '../health/health-checks.ts';
import { createHttpApp } from '../http/http-app.ts';
import { type HttpListeners, listenHttp } from '../http/listening.ts';
import { type InternalServer, startInternalServer } from '../http/internal-server.ts';
import { createLogger } from '../logging/logger.ts';
import { renewCertificate } from '../tls/certificate-renewal.ts';
import { tlsPair } from '../tls/tls-pair.ts';
import { type AppConfig, type AppDefaults, loadAppConfig } from './app-config.ts';
import { createRuntime, type OwnedRuntime } from './create-runtime.ts';
import type { Ecosystem, EcosystemDefinition } from './ecosystem.ts';
import { packagePlaces } from './package-places.ts';

/** A running app. */
export interface RunningApp {
  /** Stops taking requests and jobs, lets the running ones end, and closes everything. */
  close(): Promise<void>;
}

/** One ecosystem's front end. */
export interface FrontEndOptions extends AppDefaults {
  readonly ecosystem: EcosystemDefinition;
  /** The app's module, which imports those of the ecosystems. */
  module(ecosystems: readonly Ecosystem[]): Type | DynamicModule;
}

/**
 * Starts the front end of one ecosystem as a process of its own.
 * @throws ProxyError `config`.
 */
export async function startFrontEnd(options: FrontEndOptions): Promise<RunningApp> {
  const config = await loadAppConfig(options, [options.ecosystem], { standalone: false });
  const logger = createLogger({ name: options.name, level: config.logLevel });
  const runtime = await createRuntime(config, logger);
  try {
    const ecosystem = await options.ecosystem.create({ runtime, prefix: config.basePath, root: '', values: config.values, section: config.sections[options.ecosystem.name] });
    const served = await serve(runtime, config, { ecosystems: [ecosystem], module: options.module([ecosystem]) });
    logger.info({ url: served.listeners.url, internal: served.internal.url }, 'listening');
    return { close: async () => closeAll([() => served.close(), () => runtime.close()]) };
  } catch (error) {
    await runtime.close();
    throw error;
  }
}

/** What listens: the public port, and the internal one. */
export interface Served {
  readonly app: NestFastifyApplication;
  readonly listeners: HttpListeners;
  readonly internal: InternalServer;
  close(): Promise<void>;
}

/** Makes ecosystems listen. */
export async function serve(
  runtime: OwnedRuntime,
  config: AppConfig,
  what: { readonly ecosystems: readonly Ecosystem[]; readonly module: Type | DynamicModule },
): Promise<Served> {
  const { logger, metrics } = runtime;
  runtime.locate(packagePlaces(what.ecosystems));
  const health = new HealthChecks({ checks: runtime.checks, logger });
  const app = await createHttpApp(what.module, { config, logger, metrics, health, mounts: what.ecosystems.flatMap(({ mounts }) => mounts) });
  try {
    const pair = await tlsPair(config);
    const tls = config.tls === null || pair === null ? undefined : { port: config.tls.port, pair };
    const internal = await startInternalServer({ config, metrics, health, spool: runtime.downloads, logger });
    const listeners = await listenHttp(app, { host: config.host, port: config.port, tls });
    const stopRenewal = pair === null ? () => undefined : renewCertificate({ read: async () => tlsPair(config), current: pair, replace: listeners.replaceCertificate, logger });
    await health.start();
    return {
      app,
      listeners,
      internal,
      close: async () => {
        health.drain();
        stopRenewal();
        await closeAll([() => app.close(), () => internal.close()]);
        health.stop();
      },
    };
  } catch (error) {
    await app.close();
    throw error;
  }
}

/** Runs every step, even after one has failed. @throws what the first failing step threw. */
export async function closeAll(steps: readonly (() => Promise<void> | void)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) {
    throw failures[0];
  }
}
