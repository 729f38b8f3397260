const SCOPE = '@oci-package-proxy';
const BELOW = ['errors', 'mapping', 'oci', 'storage', 'upstream', 'ingest', 'access', 'platform'];
const NEST = ['@nestjs/common', '@nestjs/core', '@nestjs/platform-fastify', 'fastify', 'reflect-metadata', 'rxjs', 'zod'];

type Files = Readonly<Record<string, string>>;

/** The files of `libs/<name>`. */
export function libraryFiles(name: string, versions: Readonly<Record<string, string>>): Files {
  const root = `libs/${name}`;
  const type = capitalized(name);
  return {
    ...projectFiles(root),
    [`${root}/package.json`]: json({
      name: `${SCOPE}/${name}`,
      version: '0.1.0',
      private: true,
      description: `The ${name} protocol`,
      license: 'Apache-2.0',
      type: 'module',
      exports: { '.': { [`${SCOPE}/source`]: './src/index.ts', types: './dist/index.d.ts', default: './dist/index.js' } },
      nx: { tags: ['type:ecosystem', `ecosystem:${name}`] },
      dependencies: dependencies([...BELOW.map((lib) => `${SCOPE}/${lib}`), ...NEST], versions),
      devDependencies: { [`${SCOPE}/testing`]: '0.1.0' },
    }),
    [`${root}/README.md`]: `# ${name}\n\nThe ${name} protocol on the ledger. It may import everything below the ecosystems, and no other ecosystem.\n`,
    [`${root}/src/index.ts`]: `export { ${name} } from './${name}-ecosystem.ts';\n`,
    [`${root}/src/${name}.controller.ts`]: controller(name, type),
    [`${root}/src/${name}-ecosystem.ts`]: definition(name, type),
  };
}

/** The files of `apps/<name>`. */
export function appFiles(options: { readonly name: string; readonly port: number; readonly versions: Readonly<Record<string, string>> }): Files {
  const { name, port, versions } = options;
  const root = `apps/${name}`;
  return {
    ...projectFiles(root),
    [`${root}/package.json`]: json({
      name: `${SCOPE}/${name}-app`,
      version: '0.1.0',
      private: true,
      license: 'Apache-2.0',
      type: 'module',
      nx: { tags: ['type:app', `ecosystem:${name}`] },
      dependencies: dependencies([`${SCOPE}/platform`, `${SCOPE}/${name}`, ...NEST.filter((item) => item !== 'zod')], versions),
      devDependencies: { [`${SCOPE}/testing`]: '0.1.0' },
    }),
    [`${root}/src/app.module.ts`]: `import { type DynamicModule, Module } from '@nestjs/common';
import type { Ecosystem } from '${SCOPE}/platform';

/** The ${name} front end. */
@Module({})
export class AppModule {
  static register(ecosystems: readonly Ecosystem[]): DynamicModule {
    return { module: AppModule, imports: ecosystems.map(({ module }) => module) };
  }
}
`,
    [`${root}/src/main.ts`]: `import 'reflect-metadata';

import { runApp, startFrontEnd } from '${SCOPE}/platform';
import { ${name} } from '${SCOPE}/${name}';

import { AppModule } from './app.module.ts';

await runApp(() => startFrontEnd({ name: '${name}', port: ${port}, metricsPort: ${port + 1010}, ecosystem: ${name}, module: (ecosystems) => AppModule.register(ecosystems) }));
`,
  };
}

function projectFiles(root: string): Files {
  const base = '../../tsconfig.base.json';
  return {
    [`${root}/tsconfig.json`]: json({ extends: base, files: [], include: [], references: [{ path: './tsconfig.lib.json' }, { path: './tsconfig.spec.json' }] }),
    [`${root}/tsconfig.lib.json`]: json({
      extends: base,
      compilerOptions: { rootDir: 'src', outDir: 'dist', tsBuildInfoFile: 'dist/tsconfig.lib.tsbuildinfo' },
      include: ['src/**/*.ts'],
      exclude: ['src/**/*.spec.ts', 'src/**/*.contract.ts'],
    }),
    [`${root}/tsconfig.spec.json`]: json({
      extends: base,
      compilerOptions: {
        rootDir: '.',
        outDir: 'dist/spec',
        tsBuildInfoFile: 'dist/tsconfig.spec.tsbuildinfo',
        rewriteRelativeImportExtensions: false,
        allowImportingTsExtensions: true,
        emitDeclarationOnly: true,
      },
      include: ['src/**/*.spec.ts', 'src/**/*.contract.ts', 'e2e/**/*.ts'],
      references: [{ path: './tsconfig.lib.json' }],
    }),
  };
}

function controller(name: string, type: string): string {
  return `import { All, Controller, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

import { ProxyError } from '${SCOPE}/errors';

/** Every request of ${name} clients. */
@Controller()
export class ${type}Controller {
  @All('*')
  answer(@Req() request: FastifyRequest): never {
    throw new ProxyError('not-found', \`\${request.method}: there is no such route of ${name} yet.\`);
  }
}
`;
}

function definition(name: string, type: string): string {
  return `import { z } from 'zod';

import { ProxyError } from '${SCOPE}/errors';
import type { IngestCodec } from '${SCOPE}/ingest';
import type { EcosystemDefinition } from '${SCOPE}/platform';

import { ${type}Controller } from './${name}.controller.ts';

const VARIABLES = { ${name.toUpperCase()}_UPSTREAM_URL: z.string().optional() };

const CODEC: IngestCodec = {
  ecosystem: '${name}',
  plan: async (job) => Promise.reject(new ProxyError('not-found', \`\${job.file}: ${name} cannot be pulled through yet.\`)),
};

/** What the apps need to serve ${name}. */
export const ${name}: EcosystemDefinition<typeof VARIABLES> = {
  name: '${name}',
  variables: VARIABLES,
  create: async ({ prefix }) =>
    Promise.resolve({
      name: '${name}',
      module: { module: class ${type}Module {}, controllers: [${type}Controller] },
      mounts: [{ prefix, ecosystem: '${name}' }],
      codec: CODEC,
      hints: () => [],
    }),
};
`;
}

function dependencies(names: readonly string[], versions: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, name.startsWith(`${SCOPE}/`) ? '0.1.0' : (versions[name] ?? '*')]));
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function capitalized(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
