/** How a registry, or what stands before it, fails a request. */
export type RegistryFault =
  /** The connection ends before the registry hears of the request. */
  | 'reset-before'
  /** The registry has done it, and the connection ends without an answer. */
  | 'reset-after'
  /** 429, 500, 502 or 503, with and without Retry-After; the registry does not hear of it. */
  | 'refused'
  /** The registry has done it; the answer is 500, 502 or 503. */
  | 'done-but-5xx'
  /** An answer that breaks off in its body. */
  | 'short-body'
  /** An answer that ends cleanly, in the middle of its body. */
  | 'cut-body'
  /** All goes well, only late. */
  | 'late'
  /** 201 for what the registry does not hear of. */
  | 'not-applied';

/** One fault, and the numbers that its details are made from. */
export interface PlannedFault {
  readonly kind: RegistryFault;
  /** From 0 to 1, 1 excluded. */
  readonly detail: number;
}

const EVERYWHERE: readonly RegistryFault[] = ['reset-before', 'reset-after', 'refused', 'done-but-5xx', 'late'];
const READING: readonly RegistryFault[] = ['short-body', 'cut-body'];
const PUTTING: readonly RegistryFault[] = ['not-applied'];

/** Every kind there is. */
export const REGISTRY_FAULTS: readonly RegistryFault[] = [...EVERYWHERE, ...READING, ...PUTTING];

/** Says which requests fail, and how: the same for the same seed and the same requests in the same order. */
export class FaultPlan {
  readonly #random: () => number;
  readonly #kinds: readonly RegistryFault[];
  /** How many of all requests fail, from 0 to 1. */
  rate: number;

  constructor({ seed, rate, kinds = REGISTRY_FAULTS }: { readonly seed: number; readonly rate: number; readonly kinds?: readonly RegistryFault[] }) {
    this.#random = seededRandom(seed);
    this.#kinds = kinds;
    this.rate = rate;
  }

  /** What becomes of the next request; null: nothing. */
  next(method: string): PlannedFault | null {
    const [fails, choice, detail] = [this.#random(), this.#random(), this.#random()];
    const possible = [...EVERYWHERE, ...(method === 'GET' ? READING : []), ...(method === 'PUT' ? PUTTING : [])].filter((kind) => this.#kinds.includes(kind));
    const kind = possible[Math.floor(choice * possible.length)];
    return fails < this.rate && kind !== undefined ? { kind, detail } : null;
  }
}

/** Numbers from 0 to 1, 1 excluded, that are the same for the same seed: mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
