import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { ProxyError } from '@oci-package-proxy/errors';
import type { LedgerPort } from '@oci-package-proxy/storage';

import { MODULE_LIMITS } from '../archives/archive-limits.ts';
import { type NormalizedModule, normalizeModule } from '../archives/module-archive.ts';
import { type ModuleAddress, moduleRef } from '../model/address.ts';
import type { ModulePublisher, PublishAnswer, UploadBody, WriteCall } from '../publish/publish-port.ts';
import { isPublishable } from '../versions/version.ts';
import { checkCase } from './case-variants.ts';
import { moduleFact } from './module-fact.ts';
import { archiveName, checkModuleName } from './module-name.ts';
import { receiveModule } from './received-module.ts';

/** What {@link ModuleUploads} needs. */
export interface ModuleUploadsOptions {
  readonly ledger: Pick<LedgerPort, 'fold' | 'packages' | 'publish' | 'refreshSnapshot'>;
  /** Where temporary files go; it must exist. */
  readonly directory: string;
  /** The most that an archive may have, in bytes. */
  readonly limits: { readonly publishBytes: number };
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
  /** Nothing is logged without one. */
  readonly logger?: { warn(fields: Readonly<Record<string, unknown>>, message: string): void };
}

/** Takes uploads of modules: an archive as body, or as the one file of a form. */
export class ModuleUploads implements ModulePublisher {
  readonly #options: ModuleUploadsOptions;

  constructor(options: ModuleUploadsOptions) {
    this.#options = options;
  }

  /** `ModulePublisher.publish` */
  async publish(address: ModuleAddress, version: string, body: UploadBody, call: WriteCall): Promise<PublishAnswer> {
    const { directory, limits } = this.#options;
    checkModuleName(address);
    checkVersion(version);
    const target = join(directory, `module-${randomUUID()}`);
    const sent = await receiveModule(body, { directory, limits, signal: call.signal });
    try {
      const archive = await normalizeModule(sent.path, { target, limits: MODULE_LIMITS, wrapped: false, subdirectory: null, signal: call.signal });
      return await this.#store(address, { version, archive, call });
    } finally {
      await sent.dispose();
      await rm(target, { force: true }).catch(() => undefined);
    }
  }

  async #store(address: ModuleAddress, { version, archive, call }: { readonly version: string; readonly archive: NormalizedModule; readonly call: WriteCall }): Promise<PublishAnswer> {
    const { ledger, clock = Date.now, logger } = this.#options;
    const ref = moduleRef(address);
    await checkCase(ledger, address, call.signal);
    const at = new Date(clock()).toISOString();
    const outcome = await ledger.publish(ref, moduleFact({ address, version, archive, source: null, at }), { by: call.by, signal: call.signal });
    // No worker looks after what is published, and each start would read every version of it one by one.
    ledger.refreshSnapshot(ref).catch((err: unknown) => logger?.warn({ package: ref.name, err }, 'snapshot was not refreshed'));
    return { outcome, version, files: [archiveName(address, version)], warnings: archive.warnings };
  }
}

/** @throws ProxyError `invalid` for a text that some client cannot read as a version. */
function checkVersion(version: string): void {
  if (!isPublishable(version)) {
    const hint = /^v\d/.test(version) ? ' Leave out the v.' : '';
    throw new ProxyError('invalid', `${JSON.stringify(version.slice(0, 100))} is no version that can be published: write three numbers, such as 1.2.0 or 1.2.0-rc.1, as semver.org says.${hint}`);
  }
}
