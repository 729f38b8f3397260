import { ProxyError } from '@oci-package-proxy/errors';

import { shown } from '../archives/archive-failure.ts';
import type { FormTarget } from './publish-port.ts';

const FIELDS = ['namespace', 'type', 'version'] as const;

/** The text fields of the original project's form, which may come before, between or after the files. */
export class FormFields {
  readonly #values = new Map<string, string>();

  /**
   * Takes a field; others than its own are passed over.
   * @returns the target, once, as soon as it is known.
   * @throws ProxyError `invalid` when it says something else than before.
   */
  add(name: string, text: string): FormTarget | null {
    const field = FIELDS.find((known) => known === name);
    const value = text.trim();
    if (field === undefined || value === '') {
      return null;
    }
    const before = this.#values.get(field);
    if (before !== undefined && before !== value) {
      throw new ProxyError('invalid', `The form has the field ${field} twice, ${shown(JSON.stringify(before))} and ${shown(JSON.stringify(value))}. Send it once.`);
    }
    this.#values.set(field, value);
    return before === undefined && this.#missing().length === 0 ? this.target() : null;
  }

  /** What the form says. @throws ProxyError `invalid`, which names the fields that are missing. */
  target(): FormTarget {
    const missing = this.#missing();
    if (missing.length > 0) {
      throw new ProxyError('invalid', `The form does not say what is published: ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing. Send namespace, type and version as text fields (curl -F namespace=acme …).`);
    }
    return { namespace: this.#values.get('namespace') ?? '', type: this.#values.get('type') ?? '', version: this.#values.get('version') ?? '' };
  }

  #missing(): readonly string[] {
    return FIELDS.filter((field) => !this.#values.has(field));
  }
}
