import type { z } from 'zod';

import { ProxyError } from '@oci-package-proxy/errors';

/** Collects what is wrong with a configuration, so that one start shows it all. Texts name variables and keys, never values. */
export class Problems {
  readonly #texts: string[] = [];

  add(where: string, what: string): void {
    this.#texts.push(`${where}: ${what}`);
  }

  /** Adds the findings of zod below `where`; its texts name types and keys only. */
  addIssues(where: string, error: z.ZodError): void {
    for (const issue of error.issues) {
      const path = [where, ...issue.path.map(String)].filter((part) => part !== '').join('.');
      this.add(path, issue.message);
    }
  }

  /** @throws ProxyError `config` with everything that was added, if anything was. */
  throwIfAny(): void {
    if (this.#texts.length > 0) {
      const list = [...new Set(this.#texts)].map((text) => `\n  - ${text}`).join('');
      throw new ProxyError('config', `The configuration cannot be used:${list}`);
    }
  }
}
