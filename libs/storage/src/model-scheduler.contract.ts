import { AsyncLocalStorage } from 'node:async_hooks';

import { ProxyError } from '@oci-package-proxy/errors';
import { type Digest, type Fate, type Gate, type ManifestBytes, type MemoryOperation, MemoryRegistry, type Registry, type Repository } from '@oci-package-proxy/oci';

/**
 * What the scheduler does with the next request of an actor. `go` serves it. `fail`: it fails before it took effect; `lost`: it
 * takes effect and the answer is lost; `late`: it fails for its actor and takes effect at some later step. The `crash` ones are
 * the same, but the actor never runs again.
 */
export type Action = 'go' | 'fail' | 'lost' | 'late' | 'crash' | 'crash-lost' | 'crash-late';

/** Every action that is a fault. */
export const FAULTS: readonly Action[] = ['fail', 'lost', 'late', 'crash', 'crash-lost', 'crash-late'];

/** One choice of the schedule: serve `steps` requests of an actor, then do `action` to its next one; or let a late write land. */
export type Choice =
  | { readonly actor: number; readonly steps: number; readonly action: Action }
  | { readonly land: number };

/** How lists are read. */
export interface Lists {
  /** Tags a page. */
  readonly pageSize: number;
  /** The order of the tags: registries have none. */
  readonly order: 'name' | 'reversed' | 'hashed';
  /** Whether a page may or may not show a write that is on its way, whatever the page before showed. */
  readonly flicker: boolean;
}

/** Whether tags can be created without replacing. `pretended`: the registry says so, and replaces all the same. */
export type CreateOnly = boolean | 'pretended';

/** What an actor runs with. */
export interface ActorTools {
  readonly registry: Registry;
  readonly random: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

interface Turn {
  readonly operation: MemoryOperation | 'sleep';
  readonly wakeAt: number;
  readonly take: (action: Action) => void;
}

/** One program that runs against the registry, one step at a time. */
export interface Actor<T> {
  readonly name: string;
  state: 'running' | 'done' | 'failed' | 'crashed';
  result: T | undefined;
  error: unknown;
  steps: number;
}

interface RunningActor extends Actor<unknown> {
  readonly turns: Turn[];
}

const RUNNING = new AsyncLocalStorage<ActorTools>();
const INJECTED = new ProxyError('storage-unavailable', 'injected by the scheduler');
const STUCK_MS = 10_000;

/** A new promise each time: a shared one would keep alive whatever ever waited for it. */
function never(): Promise<never> {
  return new Promise(() => undefined);
}

/** Whether an actor failed because the scheduler made a request fail. */
export function isInjected(error: unknown): boolean {
  return error === INJECTED || (error instanceof Error && error.cause !== undefined && isInjected(error.cause));
}

/** Sleeps in the scheduler's time, as the actor in whose program it is called: a stand-in for timers that cannot be passed in. */
export async function sleepAsActor(ms: number): Promise<void> {
  await RUNNING.getStore()?.sleep(ms);
}

/** A number generator from a seed: mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/**
 * A registry in memory and the actors on it, run by one deterministic scheduler: every request of every actor waits until a
 * choice serves it, and nothing else runs meanwhile. The same choices and seed give the same run.
 */
export class Scheduler {
  readonly #stored = new Map();
  readonly #root: MemoryRegistry;
  readonly #actors: RunningActor[] = [];
  readonly #landings: Array<() => void> = [];
  readonly #inFlight = new Set<MemoryOperation>();
  readonly #actions = new WeakMap<MemoryOperation, Action>();
  readonly #random: () => number;
  readonly #lists: Lists;
  readonly #gateBlobs: boolean;
  readonly #pretends: boolean;
  readonly #afterStep: (scheduler: Scheduler) => void;
  #now = 0;

  constructor(options: { readonly seed: number; readonly lists: Lists; readonly createOnly?: CreateOnly; readonly gateBlobs?: boolean; readonly afterStep?: (scheduler: Scheduler) => void }) {
    this.#random = seeded(options.seed);
    this.#lists = options.lists;
    this.#gateBlobs = options.gateBlobs ?? false;
    this.#afterStep = options.afterStep ?? (() => undefined);
    this.#pretends = options.createOnly === 'pretended';
    this.#root = new MemoryRegistry({ pageSize: options.lists.pageSize, createOnly: options.createOnly === true }, this.#stored);
  }

  /** A client without any gate, for what is not part of the run. */
  get registry(): MemoryRegistry {
    return this.#root;
  }

  /** Virtual milliseconds: one a step, and what was slept at the end. */
  get now(): number {
    return this.#now;
  }

  /** What `tag` names at this instant. */
  named(repository: string, tag: string): string | null {
    return this.#stored.get(repository)?.tags.get(tag) ?? null;
  }

  /** All tags at this instant. */
  tags(repository: string): readonly string[] {
    return [...(this.#stored.get(repository)?.tags.keys() ?? [])];
  }

  /** Starts `program`; it runs until its first request. */
  start<T>(name: string, program: (tools: ActorTools) => Promise<T>): Actor<T> {
    const actor: Actor<T> & RunningActor = { name, state: 'running', result: undefined, error: undefined, steps: 0, turns: [] };
    this.#actors.push(actor);
    this.#play(actor, program);
    return actor;
  }

  /** Starts another program of an actor whose last one has ended; of one that crashed nothing ever runs again. */
  resume<T>(actor: Actor<T>, program: (tools: ActorTools) => Promise<T>): void {
    const known = this.#actors.find((other) => other === actor);
    if (known !== undefined && actor.state !== 'crashed') {
      actor.state = 'running';
      this.#play(known, program);
    }
  }

  #play(actor: RunningActor, program: (tools: ActorTools) => Promise<unknown>): void {
    const registry = this.#seenBy(actor);
    const tools: ActorTools = { registry, random: this.#random, sleep: async (ms) => void (await this.#turn(actor, 'sleep', ms)) };
    RUNNING.run(tools, () => program(tools)).then(
      (result) => {
        actor.state = actor.state === 'crashed' ? 'crashed' : 'done';
        actor.result = result;
      },
      (error: unknown) => {
        actor.state = actor.state === 'crashed' ? 'crashed' : 'failed';
        actor.error = error;
      },
    );
  }

  /** Runs the choices, one after the other; those that are not possible are passed over. */
  async run(choices: readonly Choice[]): Promise<void> {
    await this.#settle();
    for (const choice of choices) {
      if ('land' in choice) {
        await this.#land(choice.land);
        continue;
      }
      const actor = this.#actors[choice.actor % this.#actors.length];
      for (let step = 0; step < choice.steps && actor !== undefined; step += 1) {
        await this.#step(actor, 'go');
      }
      if (choice.action !== 'go' && actor !== undefined) {
        await this.#step(actor, choice.action);
      }
    }
  }

  /**
   * From now on without faults: everyone who is alive takes turns, and sleeps as long as it says.
   * @throws Error when somebody is still running after `maxSteps` steps of everyone together.
   */
  async runFair(maxSteps: number): Promise<void> {
    await this.#settle();
    for (let steps = 0; ; ) {
      const running = this.#actors.filter(({ state }) => state === 'running');
      if (running.length === 0) {
        return;
      }
      const awake = running.filter(({ turns: [turn] }) => turn !== undefined && turn.wakeAt <= this.#now);
      if (awake.length === 0) {
        this.#now = Math.min(...running.flatMap(({ turns }) => turns.map(({ wakeAt }) => wakeAt)));
        continue;
      }
      for (const actor of awake) {
        await this.#step(actor, 'go');
        steps += 1;
      }
      if (steps > maxSteps) {
        throw new Error(`still running after ${steps} steps: ${running.map(({ name }) => name).join(', ')}`);
      }
    }
  }

  /** Lets every late write take effect. */
  async landAll(): Promise<void> {
    while (this.#landings.length > 0) {
      await this.#land(0);
    }
  }

  /** The registry as an actor meets it. */
  #seenBy(actor: RunningActor): Registry {
    const view = this.#root.view({ gate: this.#gateOf(actor), actor: actor.name });
    return { check: () => view.check(), close: () => view.close(), repository: (name) => this.#seen(actor, view.repository(name)) };
  }

  #seen(actor: RunningActor, repository: Repository): Repository {
    const replaced: Record<string | symbol, unknown> = { listTags: () => this.#listing(actor, repository.name) };
    if (this.#pretends) {
      replaced['createTag'] = async (tag: string, manifest: ManifestBytes): Promise<Digest> => {
        await repository.writeManifest(manifest, { tag });
        return manifest.digest;
      };
    }
    return new Proxy(repository, {
      has: (target, key) => key in replaced || key in target,
      get: (target, key): unknown => {
        const member: unknown = replaced[key] ?? Reflect.get(target, key);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  }

  async #step(actor: RunningActor, action: Action): Promise<void> {
    const turn = actor.turns[0];
    if (actor.state !== 'running' || turn === undefined) {
      return;
    }
    if (turn.operation === 'sleep' && action !== 'go' && !action.startsWith('crash')) {
      return;
    }
    const taken = isWrite(turn.operation) ? action : withoutLanding(action);
    actor.turns.shift();
    actor.steps += 1;
    this.#now += 1;
    if (action.startsWith('crash')) {
      actor.state = 'crashed';
      actor.turns.length = 0;
    }
    turn.take(taken);
    await this.#settle();
    this.#afterStep(this);
  }

  async #land(index: number): Promise<void> {
    const landing = this.#landings.splice(index % Math.max(1, this.#landings.length), 1)[0];
    if (landing !== undefined) {
      landing();
      await this.#settle();
      this.#afterStep(this);
    }
  }

  /** Waits until everyone who runs waits for its turn. Nobody waits for real time: only streams and thread pools are on their way. */
  async #settle(): Promise<void> {
    const since = Date.now();
    do {
      await new Promise((resolve) => setImmediate(resolve));
      if (Date.now() - since > STUCK_MS) {
        throw new Error(`waits for something that is no request: ${this.#actors.filter(isBusy).map(({ name }) => name).join(', ')}`);
      }
    } while (this.#actors.some(isBusy));
  }

  #turn(actor: RunningActor, operation: Turn['operation'], ms: number): Promise<Action> {
    if (actor.state === 'crashed') {
      return never();
    }
    return new Promise((take) => actor.turns.push({ operation, wakeAt: this.#now + ms, take }));
  }

  #gateOf(actor: RunningActor): Gate {
    return {
      before: async (operation) => {
        // Blobs are named by their digest: nothing about them depends on the order, only crashes are of interest.
        if (!this.#gateBlobs && operation.kind.endsWith('-blob')) {
          return actor.state === 'crashed' ? never() : 'apply';
        }
        this.#inFlight.add(operation);
        const action = await this.#turn(actor, operation, 0);
        this.#actions.set(operation, action);
        return this.#fate(operation, action);
      },
      after: (operation) => {
        const action = this.#actions.get(operation) ?? 'go';
        if (action === 'lost' || action === 'late') {
          throw INJECTED;
        }
        return action === 'go' ? undefined : never();
      },
    };
  }

  #fate(operation: MemoryOperation, action: Action): Promise<Fate> | Fate {
    if (action.endsWith('late')) {
      const late = new Promise<void>((resolve) => this.#landings.push(resolve));
      return { late: late.then(() => this.#inFlight.delete(operation)) };
    }
    this.#inFlight.delete(operation);
    if (action === 'fail') {
      throw INJECTED;
    }
    return action === 'crash' ? never() : 'apply';
  }

  /** Pages in the order that the run asks for, each read when it is asked for. */
  async *#listing(actor: RunningActor, repository: string): AsyncGenerator<readonly string[]> {
    const { pageSize } = this.#lists;
    const gate = this.#gateOf(actor);
    let last: string | null = null;
    for (;;) {
      const operation: MemoryOperation = { kind: 'list-page', repository, actor: actor.name };
      await gate.before?.(operation);
      const after: string | null = last;
      const page: readonly { readonly tag: string; readonly key: string }[] = this.#visible(repository)
        .map((tag) => ({ tag, key: this.#key(tag) }))
        .filter(({ key }) => after === null || key > after)
        .toSorted((left, right) => (left.key < right.key ? -1 : 1))
        .slice(0, pageSize);
      await gate.after?.(operation);
      yield page.map(({ tag }) => tag);
      if (page.length < pageSize) {
        return;
      }
      last = page.at(-1)?.key ?? '';
    }
  }

  #visible(repository: string): readonly string[] {
    const tags = new Set(this.tags(repository));
    if (this.#lists.flicker) {
      for (const { kind, reference, repository: where } of this.#inFlight) {
        if (kind === 'write-manifest' && where === repository && reference?.includes(':') === false && this.#random() < 0.5) {
          tags.add(reference);
        }
      }
    }
    return [...tags];
  }

  #key(tag: string): string {
    if (this.#lists.order === 'name') {
      return tag;
    }
    if (this.#lists.order === 'reversed') {
      return [...tag].map((letter) => String.fromCharCode(0xff - letter.charCodeAt(0))).join('').concat('\u{ff}');
    }
    let hash = 7;
    for (const letter of tag) {
      hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193) >>> 0;
    }
    return `${hash.toString(16).padStart(8, '0')} ${tag}`;
  }
}

function isWrite(operation: Turn['operation']): boolean {
  return operation !== 'sleep' && ['write-blob', 'write-manifest', 'create-tag', 'delete-tag'].includes(operation.kind);
}

/** A read has nothing that could take effect later. */
function withoutLanding(action: Action): Action {
  if (action === 'late') {
    return 'fail';
  }
  return action === 'crash-late' ? 'crash' : action;
}

function isBusy({ state, turns }: RunningActor): boolean {
  return state === 'running' && turns.length === 0;
}
