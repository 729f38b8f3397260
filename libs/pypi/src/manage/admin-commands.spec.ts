import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { AdminResult } from '@oci-package-proxy/platform';

import { STATUS_KEY } from '../model/fold-keys.ts';
import { mainRef } from '../model/holdings.ts';
import { pypiCommands } from './admin-commands.ts';
import { type SampleProjects, startSampleProjects, wheel } from './sample-projects.contract.ts';

let sample: SampleProjects;
let count = 0;
/** Another project for every test, with two files of 1.0. */
let name: string;
let file: string;

beforeAll(async () => {
  sample = await startSampleProjects();
});
afterAll(() => sample.close());
beforeEach(async () => {
  count += 1;
  name = `commanded-${count}`;
  file = wheel(name, '1.0').filename;
  await sample.publish(mainRef(name), wheel(name, '1.0'));
  await sample.publish(mainRef(name), wheel(name, '1.0', 'py2-none-any'));
});

async function run(...[command, ...args]: readonly string[]): Promise<AdminResult> {
  const found = pypiCommands(sample.management).find((known) => known.name === command);
  if (found === undefined) {
    throw new Error(`no command ${command}`);
  }
  return found.run(args, { by: 'operator', signal: new AbortController().signal, progress: () => undefined });
}

it('are these', () => {
  expect(pypiCommands(sample.management).map((command) => command.name)).toEqual(['yank', 'unyank', 'delete', 'status', 'show']);
});

describe('yank and unyank', () => {
  it('work on a version, whose project is written in any way', async () => {
    const yanked = await run('yank', name.toUpperCase().replace('-', '_'), '1.0', '--reason', 'broken --badly');
    const again = await run('yank', name, '1.0', '--reason=broken --badly');
    const unyanked = await run('unyank', name, '1.0');

    expect(yanked).toEqual({ text: [`${name} 1.0: yanked (broken --badly) now`], data: { name, version: '1.0', filename: null, yanked: 'broken --badly', changed: true } });
    expect(again.text).toEqual([`${name} 1.0: yanked (broken --badly), as before`]);
    expect(unyanked.text).toEqual([`${name} 1.0: not yanked now`]);
  });

  it.each([[[]], [['1.0']], [['1.0.0']]])('work on a file, with the version or without: %j', async (version) => {
    const { text } = await run('yank', name, ...version, '--file', file);

    expect(text).toEqual([`${file}: yanked now`]);
    expect((await run('unyank', name, ...version, '--file', file)).text).toEqual([`${file}: not yanked now`]);
  });
});

describe('delete', () => {
  it('deletes a file', async () => {
    expect(await run('delete', name, '--file', file)).toEqual({ text: [`deleted ${file}`], data: { name, removed: [file] } });
    expect((await run('delete', name, '--file', file)).text).toEqual([`${name}: deleted before`]);
  });

  it.each([[['--version', '1']], [['--all']]])('deletes with %j', async (how) => {
    expect((await run('delete', name, ...how)).text).toHaveLength(2);
    expect((await sample.fold(mainRef(name))).facts.size).toBe(0);
  });
});

it('status shows and sets, in the name of who runs it', async () => {
  const before = await run('status', name);
  const set = await run('status', name, 'archived', '--reason', 'done');
  const after = await run('status', name);

  expect(before).toEqual({ text: [`${name}: active`], data: { name, status: 'active', reason: null } });
  expect(set).toEqual({ text: [`${name}: archived (done) now`], data: { name, status: 'archived', reason: 'done', changed: true } });
  expect(after.text).toEqual([`${name}: archived (done)`]);
  expect((await sample.fold(mainRef(name))).values.get(STATUS_KEY)?.by).toBe('operator');
});

it('show shows everything', async () => {
  await run('yank', name, '1.0', '--reason', 'bad');
  await run('delete', name, '--file', wheel(name, '1.0', 'py2-none-any').filename);

  const { text, data } = await run('show', name);

  expect(text).toEqual([`${name}, published, active, 1 deleted`, '  1.0  yanked (bad)', `    ${file}  published, held, ${wheel(name, '1.0').bytes.length} bytes, yanked`]);
  expect(data).toEqual(await sample.management.states.get(name));
});

it.each([
  [['yank'], 'The name of the project is missing', 'yank <project> (<version>'],
  [['yank', 'a'], 'The version is missing', 'yank <project> (<version>'],
  [['yank', 'a', '1', '2'], '"2" is too much', 'yank <project> (<version>'],
  [['yank', 'a', '1', '--reason'], '--reason', 'yank <project> (<version>'],
  [['yank', 'a', '1', '--all'], '--all', 'yank <project> (<version>'],
  [['yank', 'a', '2.0', '--file', 'a-1.0.tar.gz'], 'no file of version', 'yank <project> (<version>'],
  [['unyank', 'a', '1', '--reason', 'x'], '--reason', 'unyank <project>'],
  [['delete', 'a'], 'either --version, --file or --all', 'delete <project>'],
  [['delete', 'a', '--all', '--version', '1'], 'either --version, --file or --all', 'delete <project>'],
  [['delete', 'a', '1.0', '--all'], '"1.0" is too much', 'delete <project>'],
  [['status', 'a', 'gone'], '"gone" is no status', 'status <project>'],
  [['status', 'a', '--reason', 'x'], 'A reason takes a status', 'status <project>'],
  [['show'], 'The name of the project is missing', 'show <project>'],
])('%j is told how it is used', async (args, why, usage) => {
  const failed = await run(...args).catch((error: unknown) => error);

  expect(failed).toMatchObject({ code: 'invalid', message: expect.stringContaining(why) as string });
  expect((failed as Error).message).toContain(`. Usage: ${usage}`);
});

it('a name that nothing can be called is refused', async () => {
  await expect(run('show', '-x-')).rejects.toMatchObject({ code: 'invalid' });
  await expect(run('show', 'a b')).rejects.toMatchObject({ code: 'invalid' });
});
