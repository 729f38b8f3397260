import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

const NAME = /^spool-(\d+)-[0-9a-f]{16}$/;

// A container's process often has the number of the one before it: only what this very process made is its own.
const OWN = new Set<string>();

/**
 * Makes a directory of this process's own below `parent` and removes what processes that are gone have left there.
 * `parent` must not be shared by machines or containers: their process numbers mean nothing here.
 * @returns its path.
 */
export async function makeSpoolDirectory(parent: string): Promise<string> {
  await mkdir(parent, { recursive: true });
  const name = `spool-${process.pid}-${randomBytes(8).toString('hex')}`;
  OWN.add(name);
  for (const other of await readdir(parent)) {
    if (isLeftover(other)) {
      await rm(join(parent, other), { recursive: true, force: true });
    }
  }
  const path = join(parent, name);
  await mkdir(path, { mode: 0o700 });
  return path;
}

function isLeftover(name: string): boolean {
  const pid = NAME.exec(name)?.[1];
  if (pid === undefined || OWN.has(name)) {
    return false;
  }
  return Number(pid) === process.pid || !isAlive(Number(pid));
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
