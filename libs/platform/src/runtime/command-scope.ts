import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';

import type { NamedPackage, PackageLocator, Scope } from '@oci-package-proxy/housekeeping';

import { WrongCall } from './command-line.ts';

/** What a command was told to work on. */
export interface GivenScope {
  /** An ecosystem, or where no package is given the beginning of repository names. */
  readonly ecosystem?: string | undefined;
  readonly name?: string | undefined;
  /** Path of a file with a package a line, its ecosystem before it unless `ecosystem` says that. */
  readonly names?: string | undefined;
}

/** What of a store is meant. @throws WrongCall for what does not fit together, or a file that cannot be read. */
export async function scopeOf(locator: PackageLocator, { ecosystem, name, names }: GivenScope): Promise<Scope> {
  const isKnown = ecosystem !== undefined && locator.ecosystems.includes(ecosystem);
  if ((name !== undefined || names !== undefined) && ecosystem !== undefined && !isKnown) {
    throw new WrongCall(`${JSON.stringify(ecosystem)} is no ecosystem; there are ${locator.ecosystems.join(', ')}`);
  }
  if (names !== undefined) {
    if (name !== undefined) {
      throw new WrongCall('Give a package or --names, not both');
    }
    await checkFile(names);
    return { kind: 'names', names: namesIn(names, ecosystem) };
  }
  if (ecosystem === undefined) {
    return { kind: 'all' };
  }
  if (name !== undefined) {
    return { kind: 'names', names: [{ ecosystem, name }] };
  }
  return isKnown ? { kind: 'ecosystem', ecosystem } : { kind: 'prefix', prefix: ecosystem.replace(/\/+$/, '') };
}

async function checkFile(path: string): Promise<void> {
  const found = await stat(path).catch(() => null);
  if (found?.isFile() !== true) {
    throw new WrongCall(`--names: there is no file ${JSON.stringify(path)}`);
  }
}

async function* namesIn(path: string, ecosystem: string | undefined): AsyncIterable<NamedPackage> {
  for await (const line of createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY })) {
    const words = line.trim().split(/\s+/);
    if (words[0] === '' || words[0]?.startsWith('#') === true) {
      continue;
    }
    const [first, name] = words.length === 1 ? [ecosystem, words[0]] : words;
    if (first === undefined || name === undefined || words.length > 2) {
      throw new WrongCall(`--names: ${JSON.stringify(line.slice(0, 100))} is not <ecosystem> <package>`);
    }
    yield { ecosystem: first, name };
  }
}
