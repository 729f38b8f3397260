import type { DynamicModule } from '@nestjs/common';
import type { z } from 'zod';

import type { IngestCodec } from '@oci-package-proxy/ingest';
import type { PackageRef } from '@oci-package-proxy/storage';

import type { HttpMount } from '../http/mounts.ts';
import type { AdminCommand } from './admin-command.ts';
import type { Runtime } from './runtime.ts';

/** One package ecosystem, as the apps list it. */
export interface EcosystemDefinition<V extends z.ZodRawShape = z.ZodRawShape> {
  /** Lower-case: the library's name, the path's first part in the standalone app, the queue's name. */
  readonly name: string;
  /** Its own environment variables: zod schemas over the texts, as `loadConfig` takes them. */
  readonly variables: V;
  /**
   * What CONFIG_FILE may say of it below `ecosystems.<name>`: a schema that takes an absent section too (`prefault`). Left out:
   * there is no such section.
   */
  readonly section?: z.ZodType;
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
  /** Path prefix of what is not below `prefix`, such as `/api/v1/…`: `''` unless all of it is served below a path. */
  readonly root: string;
  readonly values: z.output<z.ZodObject<V>>;
  /** What {@link EcosystemDefinition.section} made of its section. */
  readonly section: unknown;
}

/** An ecosystem in a running process. */
export interface Ecosystem {
  readonly name: string;
  /** Its controllers. */
  readonly module: DynamicModule;
  /** Everything that its controllers answer below. */
  readonly mounts: readonly HttpMount[];
  readonly codec: IngestCodec;
  /**
   * Every repository that may hold something of a package, the usual one first. Left out: the one that is named by the ecosystem and
   * the parts of the name between slashes.
   * @throws ProxyError `invalid` when nothing can be called so.
   */
  repositoriesOf?(name: string): readonly PackageRef[];
  /** What operators can do with it from the command line. */
  readonly commands?: readonly AdminCommand[];
  /**
   * Lines to paste that point its clients at `origin` (no slash at its end).
   * @param secureOrigin the same by HTTPS; left out or null: there is none.
   */
  hints(origin: string, token: string | null, secureOrigin?: string | null): readonly string[];
}
