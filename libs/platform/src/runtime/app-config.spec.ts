import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { temporaryDirectory } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { z } from 'zod';

import { loadAppConfig } from './app-config.ts';
import type { EcosystemDefinition } from './ecosystem.ts';

const APP = { name: 'alpha', port: 0, metricsPort: 0 };
const KIND = { standalone: false, listens: false, admin: true };
const ALPHA: EcosystemDefinition = {
  name: 'alpha',
  variables: { ALPHA_SETTING: z.string().default('unset') },
  section: z.strictObject({ colour: z.enum(['red', 'green']).default('red') }).prefault({}),
  create: async () => Promise.reject(new Error('not made here')),
};

let directory: string;

beforeEach(async () => {
  directory = await temporaryDirectory('app-config');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true, force: true });
});

async function configFile(text: string): Promise<void> {
  await writeFile(join(directory, 'config.yaml'), text);
  vi.stubEnv('CONFIG_FILE', join(directory, 'config.yaml'));
}

it('hands every ecosystem its variables and its section, with their defaults', async () => {
  vi.stubEnv('ALPHA_SETTING', 'set');

  const config = await loadAppConfig(APP, [ALPHA], KIND);

  expect(config.values).toEqual({ ALPHA_SETTING: 'set' });
  expect(config.sections).toEqual({ alpha: { colour: 'red' } });
});

it('lets processes share a file with sections of ecosystems that they do not serve', async () => {
  await configFile('ecosystems:\n  alpha: { colour: green }\n  beta: { anything: [1] }\n');

  const config = await loadAppConfig(APP, [ALPHA], KIND);

  expect(config.sections['alpha']).toEqual({ colour: 'green' });
});

it.each([
  ['an unknown key', 'ecosystems:\n  alpha: { color: green }\n', /CONFIG_FILE\.ecosystems\.alpha: .*color/],
  ['a bad value', 'ecosystems:\n  alpha: { colour: s3cret }\n', /CONFIG_FILE\.ecosystems\.alpha\.colour/],
])('refuses %s in a section that it knows, and names it without its value', async (_label, text, message) => {
  await configFile(text);

  const refusal: unknown = await loadAppConfig(APP, [ALPHA], KIND).then(() => null, (error: unknown) => error);

  expect(refusal).toMatchObject({ code: 'config', message: expect.stringMatching(message) as string });
  expect(String(refusal)).not.toContain('s3cret');
});
