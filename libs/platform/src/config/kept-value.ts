import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { ProxyError } from '@oci-package-proxy/errors';

const NAME = /^[a-z0-9][a-z0-9-]*$/;

/**
 * The value that was kept as `name` in `dataDir`; made by `make`, and kept, the first time. Of several processes that
 * start at once, all get the same one. The file has mode 0600.
 * @throws ProxyError `config` when the directory cannot be written or the file cannot be read; whatever `make` throws.
 */
export async function keptValue(dataDir: string, name: string, make: () => string | Promise<string>): Promise<{ readonly value: string; readonly isNew: boolean }> {
  if (!NAME.test(name)) {
    throw new TypeError('a kept value has a name of lower-case letters, digits and dashes');
  }
  const path = join(dataDir, name);
  const kept = await readKept(path);
  if (kept !== null) {
    return { value: kept, isNew: false };
  }
  const value = await make();
  const isNew = await keep(dataDir, path, value);
  return { value: isNew ? value : ((await readKept(path)) ?? value), isNew };
}

async function readKept(path: string): Promise<string | null> {
  try {
    return (await readFile(path, 'utf8')).trimEnd();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') {
      return null;
    }
    throw new ProxyError('config', `DATA_DIR: ${path} cannot be read (${codeOf(error)})`, { cause: error });
  }
}

/** @returns whether it was us who wrote it. */
async function keep(dataDir: string, path: string, value: string): Promise<boolean> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    const file = await open(temporary, 'wx', 0o600);
    await file.writeFile(`${value}\n`);
    await file.sync();
    await file.close();
    // link() fails where rename() would replace what another process has just kept.
    await link(temporary, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') {
      return false;
    }
    throw new ProxyError('config', `DATA_DIR: ${path} cannot be written (${codeOf(error)}); make the directory writable or choose another`, { cause: error });
  } finally {
    await rm(temporary, { force: true });
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
}
