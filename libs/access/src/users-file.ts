import { readFile, stat } from 'node:fs/promises';

import { ProxyError } from '@oci-package-proxy/errors';

import type { AccessLogger } from './access-logger.ts';
import { type Htpasswd, parseHtpasswd } from './htpasswd.ts';

const STAT_EVERY_MS = 1_000;
const MAX_BYTES = 16 * 2 ** 20;

/** Who has a password, and its hash. */
export interface Users {
  /** The bcrypt hash of a user's password; null for a user who is not there. */
  hashOf(name: string): Promise<string | null>;
  /** A hash of no password that takes as long to check as a user's, so that nobody learns who is a user; null where nobody is. */
  decoy(): string | null;
}

/** Nobody. */
export const NO_USERS: Users = { hashOf: async () => Promise.resolve(null), decoy: () => null };

/** The users of an htpasswd file, read again when it changes. While it cannot be read, those of before stay. */
export class UsersFile implements Users {
  readonly #path: string;
  readonly #clock: () => number;
  readonly #logger: AccessLogger;
  #users: Htpasswd = { hashes: new Map(), problems: [] };
  #version = '';
  #lookedAt = 0;
  #looking: Promise<void> | null = null;
  #unreadable = false;

  private constructor(path: string, clock: () => number, logger: AccessLogger) {
    this.#path = path;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** @throws ProxyError `config` when the file cannot be read, or a line of it; the text says which, never what is in it. */
  static async open(path: string, how: { readonly clock: () => number; readonly logger: AccessLogger }): Promise<UsersFile> {
    const file = new UsersFile(path, how.clock, how.logger);
    await file.#read().catch((error: unknown) => {
      throw new ProxyError('config', `USERS_FILE: the file cannot be used (${codeOf(error)})`, { cause: error });
    });
    const { problems } = file.#users;
    if (problems.length > 0) {
      throw new ProxyError('config', `USERS_FILE cannot be used:${problems.map((problem) => `\n  - ${problem}`).join('')}`);
    }
    return file;
  }

  async hashOf(name: string): Promise<string | null> {
    if (this.#clock() - this.#lookedAt >= STAT_EVERY_MS) {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = null;
      });
      await this.#looking;
    }
    return this.#users.hashes.get(name.normalize('NFC')) ?? null;
  }

  decoy(): string | null {
    const [hash] = this.#users.hashes.values();
    // The form and the cost of a real one.
    return hash === undefined ? null : hash.slice(0, 7) + '.'.repeat(53);
  }

  async #look(): Promise<void> {
    try {
      if ((await versionOf(this.#path)) !== this.#version) {
        await this.#read();
        this.#logger.info({ users: this.#users.hashes.size }, 'users file read again');
        if (this.#users.problems.length > 0) {
          this.#logger.warn({ problems: this.#users.problems }, 'users file has lines that cannot be used');
        }
      }
      this.#unreadable = false;
    } catch (error) {
      if (!this.#unreadable) {
        this.#logger.warn({ reason: codeOf(error) }, 'users file cannot be read; the users of before stay');
      }
      this.#unreadable = true;
    }
    this.#lookedAt = this.#clock();
  }

  async #read(): Promise<void> {
    // Before the content: a change in between is then seen at the next look.
    const version = await versionOf(this.#path);
    const bytes = await readFile(this.#path);
    this.#users = parseHtpasswd(bytes.toString('utf8'));
    this.#version = version;
    this.#lookedAt = this.#clock();
  }
}

async function versionOf(path: string): Promise<string> {
  const { mtimeMs, size, ino, isFile } = await stat(path).then((stats) => ({ mtimeMs: stats.mtimeMs, size: stats.size, ino: stats.ino, isFile: stats.isFile() }));
  if (!isFile || size > MAX_BYTES) {
    throw new ProxyError('config', isFile ? 'larger than 16 MiB' : 'not a file');
  }
  return `${ino} ${mtimeMs} ${size}`;
}

function codeOf(error: unknown): string {
  if (error instanceof ProxyError) {
    return error.message;
  }
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
}
