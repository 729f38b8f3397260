import { readFile } from 'node:fs/promises';

import type { Problems } from './problems.ts';

/**
 * The values of `names` in `env`; an empty one counts as not set. A value may also stand in the file that `<NAME>_FILE`
 * names (a trailing line break is cut off). Values that cannot be had are added to `problems`.
 */
export async function readEnvironment(env: Readonly<Record<string, string | undefined>>, names: readonly string[], problems: Problems): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const name of names) {
    const value = await valueOf(env, name, problems);
    if (value !== undefined) {
      values[name] = value;
    }
  }
  return values;
}

async function valueOf(env: Readonly<Record<string, string | undefined>>, name: string, problems: Problems): Promise<string | undefined> {
  const direct = given(env[name]);
  const file = given(env[`${name}_FILE`]);
  if (file === undefined) {
    return direct;
  }
  if (direct !== undefined) {
    problems.add(name, `set either ${name} or ${name}_FILE, not both`);
    return undefined;
  }
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) {
    problems.add(`${name}_FILE`, 'the file cannot be read');
    return undefined;
  }
  return given(text.replace(/\r?\n$/, ''));
}

function given(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === '' ? undefined : text;
}
