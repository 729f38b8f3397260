import { readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { isProxyError } from '@oci-package-proxy/errors';
import { temporaryDirectory } from '@oci-package-proxy/testing';

/** A temporary directory of a spec. */
export class SampleDirectory {
  readonly path: string;
  #count = 0;

  private constructor(path: string) {
    this.path = path;
  }

  static async create(): Promise<SampleDirectory> {
    return new SampleDirectory(await temporaryDirectory('terraform-archives'));
  }

  /** A name that nothing has. */
  fresh(): string {
    this.#count += 1;
    return join(this.path, `file-${this.#count}`);
  }

  /** A new file. */
  async file(bytes: Buffer): Promise<string> {
    const path = this.fresh();
    await writeFile(path, bytes);
    return path;
  }

  /** Names of what is there. */
  async names(): Promise<string[]> {
    return readdir(this.path);
  }

  /** How many of its files this process has open. */
  async openFiles(): Promise<number> {
    const targets = await Promise.all((await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
    return targets.filter((target) => target.startsWith(this.path)).length;
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}

/** How work fails: code and text. */
export async function failureOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  return isProxyError(error) ? `${error.code} ${error.message}` : `no proxy error: ${String(error)}`;
}
