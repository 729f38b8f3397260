import { open } from 'node:fs/promises';
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

/** Flushes `path` and the directories above it up to `root`, but only those that have a name which is not in `durable` yet. */
export async function syncUpTo(root: string, path: string, durable: Set<string>): Promise<void> {
  await syncDirectory(path);
  for (let name = path; name !== dirname(root) && name !== dirname(name) && !durable.has(name); name = dirname(name)) {
    await syncDirectory(dirname(name));
    durable.add(name);
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
