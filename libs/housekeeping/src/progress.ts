const EVERY_MS = 2_000;

/** Tells people how far long work is: at most one line in two seconds, made only when it is wanted. */
export class Progress {
  readonly #say: (line: string) => void;
  readonly #clock: () => number;
  #said: number;

  /** @param clock milliseconds. */
  constructor(say: (line: string) => void = () => undefined, clock: () => number = () => performance.now()) {
    this.#say = say;
    this.#clock = clock;
    this.#said = clock();
  }

  /** Something was done. */
  step(line: () => string): void {
    const now = this.#clock();
    if (now - this.#said >= EVERY_MS) {
      this.#said = now;
      this.#say(line());
    }
  }
}

/** `3.4 GiB`. */
export function bytesText(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const amount = bytes / 1024 ** power;
  return `${power === 0 ? amount : amount.toFixed(1)} ${units[power]}`;
}

/** `1 package`, `2 packages`. */
export function countText(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
