import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { isRepositoryName } from '../model/grammar.ts';
import { orNull } from './failure.ts';

/** The files and folders of a layout: a repository may lie inside another's directory, but it is none of these. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set(['blobs', 'refs', 'ingest', 'index.json', 'oci-layout']);

/** The names of all layouts below `root`, each as it is met. What is made or removed meanwhile may be missing or not. Throws raw errors of the file system. */
export async function* walkRepositories(root: string): AsyncIterable<string> {
  const waiting = [''];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const entries = (await orNull(readdir(join(root, name), { withFileTypes: true }))) ?? [];
    if (name !== '' && entries.some((entry) => entry.name === 'oci-layout')) {
      yield name;
    }
    for (const entry of entries) {
      const below = name === '' ? entry.name : `${name}/${entry.name}`;
      if (entry.isDirectory() && !RESERVED_NAMES.has(entry.name) && isRepositoryName(below)) {
        waiting.push(below);
      }
    }
  }
}
