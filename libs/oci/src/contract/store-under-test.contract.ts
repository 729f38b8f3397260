import { expect } from 'vitest';

import type { Digest } from '../model/digest.ts';
import type { Registry, Repository } from '../ports/repository.ts';
import { seed } from './sample-content.contract.ts';

/** A store that a driver's spec brings up for the contract suite. */
export interface RegistryUnderTest {
  /** A new client of the same store: another process, as far as the driver can tell. */
  connect(): Registry;
  /** Overwrites the stored bytes of a blob behind the store's back. */
  corrupt(repository: string, digest: Digest, bytes: Buffer): Promise<void>;
  stop(): Promise<void>;
}

/** Which optional powers the store has, and what its size allows. */
export interface Powers {
  readonly createsTags: boolean;
  /** Whether `deleteTag` gets rid of a tag; where it does not it says so. */
  readonly deletesTags: boolean;
  /** Where the store answers otherwise than most do. */
  readonly oddities?: {
    /** To a manifest that names missing blobs; `taken`: it is stored. Most: `unprocessable`. */
    readonly missingParts?: string;
    /** To a part that begins after the end. Most: `range-not-satisfiable`. */
    readonly rangeBeyond?: string;
    /** Whether it has checked the bytes of a blob itself and says that the blob is missing when they were damaged. */
    readonly hidesDamage?: boolean;
  };
}

/** The store that a suite runs on, with repositories of its own for every test. */
export class StoreUnderTest {
  readonly #start: () => Promise<RegistryUnderTest>;
  readonly #others: Registry[] = [];
  /** As they were asked for; a registry may call them otherwise. */
  readonly #names = new WeakMap<Repository, string>();
  #running: { readonly server: RegistryUnderTest; readonly registry: Registry } | null = null;
  #number = 0;

  constructor(start: () => Promise<RegistryUnderTest>) {
    this.#start = start;
  }

  /** One client of it. */
  get registry(): Registry {
    return this.#started.registry;
  }

  /** Brings it up. */
  async start(): Promise<void> {
    const server = await this.#start();
    this.#running = { server, registry: server.connect() };
  }

  /** Closes every client, and stops it. */
  async stop(): Promise<void> {
    const { server, registry } = this.#started;
    await Promise.all([registry, ...this.#others].map((client) => client.close()));
    await server.stop();
  }

  /** A name that nothing has yet. */
  freshName(): string {
    this.#number += 1;
    return `pkg/r${this.#number}`;
  }

  /** A repository in which nothing is. */
  fresh(): Repository {
    const name = this.freshName();
    const repository = this.registry.repository(name);
    this.#names.set(repository, name);
    return repository;
  }

  /** A repository that has what a manifest of {@link seed} names. */
  async ready(): Promise<Repository> {
    const repository = this.fresh();
    await seed(repository);
    return repository;
  }

  /** The same repository, by a client of its own. */
  another(repository: Repository): Repository {
    const client = this.#started.server.connect();
    this.#others.push(client);
    return client.repository(this.#names.get(repository) ?? expect.fail());
  }

  /** See {@link RegistryUnderTest}. */
  async corrupt(repository: Repository, digest: Digest, bytes: Buffer): Promise<void> {
    await this.#started.server.corrupt(repository.name, digest, bytes);
  }

  get #started(): { readonly server: RegistryUnderTest; readonly registry: Registry } {
    return this.#running ?? expect.fail('the store was not started');
  }
}
