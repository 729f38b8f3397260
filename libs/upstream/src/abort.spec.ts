import { setTimeout as sleep } from 'node:timers/promises';

import { expect, it } from 'vitest';

import { untilAborted } from './abort.ts';

it.each([
  ['had fired before', AbortSignal.abort(new Error('left'))],
  ['fires meanwhile', AbortSignal.timeout(5)],
])('gives up when the signal %s, and leaves no failure of the work unheard', async (_when, signal) => {
  const unheard: unknown[] = [];
  const note = (error: unknown): void => void unheard.push(error);
  process.on('unhandledRejection', note);

  const failure = await untilAborted(sleep(20).then(() => Promise.reject(new Error('late'))), signal, 'fetching x').catch((error: unknown) => error);
  await sleep(40);
  process.off('unhandledRejection', note);

  expect(failure).toMatchObject({ code: 'aborted' });
  expect(unheard).toEqual([]);
});
