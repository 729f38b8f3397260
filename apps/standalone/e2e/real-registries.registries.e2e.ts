import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { builtRegistries, dockerRegistries, type RegistrySettings, runCommand, type StartedRegistry, WORKSPACE_ROOT } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startStandalone, type Standalone } from './standalone.ts';

for (const registry of [...dockerRegistries(), ...builtRegistries()]) {
  describe(`${registry.server} | ${registry.form}`, () => {
    let started: StartedRegistry;
    let settings: Readonly<Record<string, string>>;
    let proxy: Standalone;

    beforeAll(async () => {
      started = await registry.start();
      proxy = await startStandalone({ NPM_UPSTREAM_URL: 'off', PYPI_UPSTREAM_URL: 'off', ...(await settingsOf(started.settings)) });
    });
    afterAll(async () => {
      await proxy.stop();
      await started.stop();
    });

    /** CONFIG_FILE is JSON, which is YAML. */
    async function settingsOf({ environment, storage }: RegistrySettings): Promise<Readonly<Record<string, string>>> {
      const file = join(started.directory, 'storage.yml');
      await writeFile(file, JSON.stringify({ storage: { ...storage, ...(registry.immutableTags && { capabilities: { immutableTags: true } }) } }));
      settings = { ...environment, CONFIG_FILE: file };
      return settings;
    }

    describe('`npm publish` and `npm install`, also by a process that starts anew', () => {
      it('bring the package back', async () => {
        const npm = await proxy.client('operator');
        const published = await npm.run(['publish'], { cwd: await npm.makePackage({ name: '@acme/widget', version: '1.0.0' }, { 'README.md': '# Widget\n' }) });
        proxy = await proxy.restart();

        const reader = await proxy.client('reader', null);
        const project = await reader.makePackage({ name: 'project', version: '1.0.0' });
        const installed = await reader.run(['install', '@acme/widget'], { cwd: project });

        expect(published.output).toContain('+ @acme/widget@1.0.0');
        expect(installed.code, installed.output).toBe(0);
        expect(await readFile(join(project, 'node_modules/@acme/widget/README.md'), 'utf8')).toBe('# Widget\n');
      });

      it('leave what `admin verify` finds whole', async () => {
        const verified = await runCommand(process.execPath, [join(WORKSPACE_ROOT, 'apps/admin/dist/main.js'), 'verify', '--json'], { cwd: proxy.directory, environment: settings });

        expect(verified.code, verified.output).toBe(0);
        expect(JSON.parse(verified.stdout)).toMatchObject({ problemCount: 0, problems: [] });
      });
    });
  });
}
