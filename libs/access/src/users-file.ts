import { readFile, stat } from 'node:fs/promises';

import { ProxyError } from '@oci-package-proxy/errors';

import type { AccessLogger } from './logger.ts';

const BCRYPT = /^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/;
const CHECK_EVERY_MS = 1000;

/** The users of an htpasswd file (bcrypt only), read anew when the file changes. */
export class UsersFile {
  readonly #path: string;
  readonly #logger: AccessLogger;
  readonly #clock: () => number;
  #users: ReadonlyMap<string, string> = new Map();
  #version = '';
  #checkedAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | null = null;

  constructor(path: string, logger: AccessLogger, clock: () => number) {
    this.#path = path;
    this.#logger = logger;
    this.#clock = clock;
  }

  /** @throws ProxyError `config` when the file cannot be read at all. */
  async load(): Promise<void> {
    try {
      await this.#read();
    } catch (error) {
      throw new ProxyError('config', 'USERS_FILE: the file cannot be read', { cause: error });
    }
  }

  /** The bcrypt hash of a user's password, or null. */
  async hashOf(name: string): Promise<string | null> {
    if (this.#clock() - this.#checkedAt >= CHECK_EVERY_MS) {
      this.#checkedAt = this.#clock();
      this.#reading ??= this.#read()
        .catch((error: unknown) => this.#logger.error({ err: error }, 'the users file cannot be read; the users of before stay'))
        .finally(() => {
          this.#reading = null;
        });
    }
    await this.#reading;
    return this.#users.get(name) ?? null;
  }

  async #read(): Promise<void> {
    const { mtimeMs, size, ino } = await stat(this.#path);
    const version = `${mtimeMs}.${size}.${ino}`;
    if (version === this.#version) {
      return;
    }
    const { users, bad } = parseUsers(await readFile(this.#path, 'utf8'));
    if (bad.length > 0) {
      this.#logger.warn({ lines: bad }, 'lines of the users file were skipped: each must be a name, a colon and a bcrypt hash (htpasswd -B)');
    }
    this.#users = users;
    this.#version = version;
  }
}

function parseUsers(text: string): { readonly users: Map<string, string>; readonly bad: readonly number[] } {
  const users = new Map<string, string>();
  const bad: number[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) {
      continue;
    }
    const colon = line.indexOf(':');
    const hash = line.slice(colon + 1);
    if (colon < 1 || !BCRYPT.test(hash)) {
      bad.push(index + 1);
      continue;
    }
    users.set(line.slice(0, colon), hash);
  }
  return { users, bad };
}
