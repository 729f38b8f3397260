import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { ProxyError } from '@oci-package-proxy/errors';

import type { PlatformConfig } from './platform-config.ts';

const NAME = /^(\d+)-[0-9a-f]{16}$/;

// A container's process often has the number of the one before it: only what this very process made is its own.
const OWN = new Set<string>();

/**
 * Makes a directory for the files of an ecosystem's running publishes below `dataDir`, which machines do not share, and removes
 * what processes that were killed have left.
 * @returns its path; null where nothing can be published.
 * @throws ProxyError `config` when it cannot be made.
 */
export async function makeUploadDirectory({ publish, admin, dataDir }: Pick<PlatformConfig, 'publish' | 'admin' | 'dataDir'>, ecosystem: string): Promise<string | null> {
  if (!publish || admin) {
    return null;
  }
  const parent = join(dataDir, 'uploads', ecosystem);
  const name = `${process.pid}-${randomBytes(8).toString('hex')}`;
  OWN.add(name);
  try {
    await mkdir(join(parent, name), { recursive: true, mode: 0o700 });
    for (const other of (await readdir(parent)).filter((directory) => isLeftover(directory))) {
      await rm(join(parent, other), { recursive: true, force: true });
    }
  } catch (cause) {
    throw new ProxyError('config', `DATA_DIR: ${parent} cannot be written; make the directory writable or choose another`, { cause });
  }
  return join(parent, name);
}

function isLeftover(name: string): boolean {
  const pid = NAME.exec(name)?.[1];
  return pid !== undefined && !OWN.has(name) && (Number(pid) === process.pid || !isAlive(Number(pid)));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
