import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';

interface PendingSync {
  readonly running: Promise<void>;
  next: Promise<void> | null;
}

const pending = new Map<string, PendingSync>();

/**
 * Flushes a directory, so that the names made in it before the call survive a power cut. Calls that come while a flush of
 * the same directory runs share the one after it: many writers at a time pay for two, not for one each.
 */
export async function syncDirectory(path: string): Promise<void> {
  const current = pending.get(path);
  if (current === undefined) {
    return begin(path);
  }
  // The running flush may have begun before the caller's name was made.
  current.next ??= current.running.catch(() => undefined).then(() => begin(path));
  return current.next;
}

/** Makes `path` below `root`, and makes every directory on the way durable. */
export async function makeDirectories(root: string, paths: readonly string[]): Promise<void> {
  const parents = new Set<string>();
  for (const path of paths) {
    const first = await mkdir(path, { recursive: true });
    // Up to the root even if it was there: another process may have made it and not flushed it yet.
    for (let parent = dirname(path); parent.startsWith(root) && parent !== dirname(parent); parent = dirname(parent)) {
      parents.add(parent);
    }
    if (first !== undefined) {
      parents.add(dirname(first));
    }
  }
  for (const parent of [...parents].toSorted((left, right) => right.length - left.length)) {
    await syncDirectory(parent);
  }
}

function begin(path: string): Promise<void> {
  const running = flush(path).finally(() => {
    if (pending.get(path) === entry && entry.next === null) {
      pending.delete(path);
    }
  });
  const entry: PendingSync = { running, next: null };
  pending.set(path, entry);
  return running;
}

async function flush(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
