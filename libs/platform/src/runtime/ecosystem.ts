import type { DynamicModule } from '@nestjs/common';
import type { z } from 'zod';

import type { IngestCodec } from '@oci-package-proxy/ingest';

import type { HttpMount } from '../http/mounts.ts';
import type { Runtime } from './runtime.ts';

/** One package ecosystem, as the apps list it. */
export interface EcosystemDefinition<V extends z.ZodRawShape = z.ZodRawShape> {
  /** Lower-case: the library's name, the path's first part in the standalone app, the queue's name. */
  readonly name: string;
  /** Its own environment variables: zod schemas over the texts, as `loadConfig` takes them. */
  readonly variables: V;
  /**
   * Makes it for one process.
   * @throws ProxyError `config` when a variable that this kind of process needs is missing.
   */
  create(how: EcosystemSetup<V>): Promise<Ecosystem>;
}

/** What an ecosystem is made of. */
export interface EcosystemSetup<V extends z.ZodRawShape = z.ZodRawShape> {
  readonly runtime: Runtime;
  /** Path prefix of its routes: `''`, or like `/npm`. */
  readonly prefix: string;
  readonly values: z.output<z.ZodObject<V>>;
}

/** An ecosystem in a running process. */
export interface Ecosystem {
  readonly name: string;
  /** Its controllers. */
  readonly module: DynamicModule;
  readonly mount: HttpMount;
  readonly codec: IngestCodec;
  /** Lines to paste that point its clients at `origin` (no slash at its end). */
  hints(origin: string, token: string | null): readonly string[];
}
