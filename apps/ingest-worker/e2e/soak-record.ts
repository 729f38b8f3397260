import type { RegistryFault } from '@oci-package-proxy/testing';

import type { SoakAnswer } from './soak-model.ts';

const SHOWN_VIOLATIONS = 40;
/** A text of fewer characters tells nobody anything. */
const SHORTEST_TEXT = 20;

/** What happened. */
export class SoakRecord {
  readonly violations: string[] = [];
  readonly #milliseconds = new Map<string, number[]>();
  readonly #counts = new Map<string, number>();
  readonly #resident = new Map<string, number[]>();
  readonly #answers = new Map<string, string>();

  /** Something that must never be. */
  violation(text: string): void {
    this.violations.push(`${new Date().toISOString()} ${text}`);
  }

  count(what: string, more = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + more);
  }

  of(what: string): number {
    return this.#counts.get(what) ?? 0;
  }

  /** What a process had in memory, in bytes. */
  resident(process: string, bytes: number): void {
    this.#resident.set(process, [...(this.#resident.get(process) ?? []), bytes]);
  }

  /**
   * Times a request and looks at what every answer must be. Null: no whole answer, which only those may have who are promised to be cut off
   * rather than served wrong bytes.
   */
  async timed<T extends SoakAnswer>(what: string, call: () => Promise<T>, { mayBreakOff = false }: { readonly mayBreakOff?: boolean } = {}): Promise<T | null> {
    const began = performance.now();
    try {
      const answer = await call();
      this.#took(what, performance.now() - began);
      this.#look(what, answer);
      return answer;
    } catch (error) {
      const text = error instanceof Error ? `${error.name}: ${error.message} ${String(error.cause ?? '')}` : String(error);
      this.count(`${what} broken off`);
      this.#answers.set(`${what} broken off`, text);
      if (!mayBreakOff || (error instanceof Error && error.name === 'TimeoutError')) {
        this.violation(`${what}: no whole answer after ${Math.round(performance.now() - began)} ms: ${text}`);
      }
      return null;
    }
  }

  #took(what: string, ms: number): void {
    const all = this.#milliseconds.get(what) ?? [];
    all.push(ms);
    this.#milliseconds.set(what, all);
  }

  #look(what: string, { status, text }: SoakAnswer): void {
    this.count(`requests`);
    if (status < 400) {
      return;
    }
    this.count(`status ${status}`);
    this.#answers.set(`${what} ${status}`, text.replaceAll(/\s+/g, ' ').slice(0, 300));
    if ((status >= 500 || status === 429) && text.length < SHORTEST_TEXT) {
      this.violation(`${what}: ${status} without a text that says why: ${text}`);
    }
    if (status >= 400 && status < 500 && ![404, 409, 410, 429, 403].includes(status)) {
      this.violation(`${what}: ${status}: ${text.slice(0, 300)}`);
    }
  }

  /** All of it, for people. */
  summary(faults: ReadonlyMap<RegistryFault, number>, registryRequests: number): string {
    const failed = [...faults.values()].reduce((sum, count) => sum + count, 0);
    return [
      `requests of clients: ${this.of('requests')}; requests to the registry: ${registryRequests}, of which failed on purpose: ${failed} (${((failed / Math.max(1, registryRequests)) * 100).toFixed(1)} %)`,
      `faults: ${[...faults].map(([kind, count]) => `${kind} ${count}`).join(', ')}`,
      `counted: ${[...this.#counts].filter(([what]) => what !== 'requests').toSorted().map(([what, count]) => `${what} ${count}`).join(', ')}`,
      'milliseconds (50 %, 95 %, 99 %, most; number):',
      ...[...this.#milliseconds].toSorted().map(([what, all]) => `  ${what}: ${percentiles(all)}`),
      'resident MiB (first, most, last):',
      ...[...this.#resident].map(([process, all]) => `  ${process}: ${mib(all[0])}, ${mib(Math.max(...all))}, ${mib(all.at(-1))}`),
      'the last answer of each kind that was not a success:',
      ...[...this.#answers].toSorted().map(([what, text]) => `  ${what}: ${text}`),
      `violations: ${this.violations.length}`,
      ...this.violations.slice(0, SHOWN_VIOLATIONS).map((text) => `  ${text}`),
    ].join('\n');
  }
}

function percentiles(all: readonly number[]): string {
  const sorted = all.toSorted((left, right) => left - right);
  const at = (part: number): number => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0);
  return `${at(0.5)}, ${at(0.95)}, ${at(0.99)}, ${at(1)}; ${all.length}`;
}

function mib(bytes = 0): number {
  return Math.round(bytes / 2 ** 20);
}
