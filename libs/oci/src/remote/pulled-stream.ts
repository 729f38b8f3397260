import { Readable } from 'node:stream';

/**
 * A byte stream over an async generator that can be stopped while the generator waits for its source: unlike with
 * `Readable.from`, `stop` runs as soon as the stream is destroyed, not after the generator's next step.
 */
export class PulledStream extends Readable {
  readonly #source: AsyncGenerator<Buffer, void>;
  readonly #stop: () => void;

  constructor(source: AsyncGenerator<Buffer, void>, stop: () => void) {
    super();
    this.#source = source;
    this.#stop = stop;
  }

  override _read(): void {
    this.#source.next().then(
      (step) => this.push(step.done === true ? null : step.value),
      (error: unknown) => this.destroy(error as Error),
    );
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#stop();
    this.#source.return().catch(() => undefined);
    done(error);
  }
}
