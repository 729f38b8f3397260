import { globSync, readFileSync } from 'node:fs';

import nx from '@nx/eslint-plugin';
import importX, { createNodeResolver } from 'eslint-plugin-import-x';
import jsdoc from 'eslint-plugin-jsdoc';
import tseslint from 'typescript-eslint';

import { houseRules } from './tools/lint/src/index.ts';

// Known by their tags, so that a new ecosystem edits nothing here.
const ECOSYSTEMS = globSync('libs/*/package.json', { cwd: import.meta.dirname })
  .flatMap((file) => JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8')).nx?.tags ?? [])
  .filter((tag) => tag.startsWith('ecosystem:'))
  .map((tag) => tag.slice('ecosystem:'.length));
const TESTS = ['**/*.spec.ts', '**/*.contract.ts', '**/e2e/**/*.ts'];

// Imports only go down: docs/ARCHITECTURE.md, "Layers".
const DOWN = {
  errors: [],
  mapping: ['errors'],
  oci: ['errors'],
  storage: ['oci', 'mapping', 'errors'],
  upstream: ['oci', 'errors'],
  ingest: ['storage', 'upstream', 'oci', 'mapping', 'errors'],
  access: ['storage', 'oci', 'mapping', 'errors'],
  housekeeping: ['storage', 'oci', 'mapping', 'errors'],
  platform: ['ingest', 'housekeeping', 'access', 'storage', 'upstream', 'oci', 'mapping', 'errors'],
  ecosystem: ['platform', 'ingest', 'access', 'storage', 'upstream', 'oci', 'mapping', 'errors'],
  app: ['ecosystem', 'platform', 'ingest', 'access', 'storage', 'upstream', 'oci', 'errors'],
  testing: ['errors'],
  tool: [],
};
const WITHOUT_NEST = ['errors', 'mapping', 'oci', 'storage', 'upstream', 'housekeeping', 'testing', 'tool'];

const depConstraints = [
  ...Object.entries(DOWN).map(([type, below]) => ({
    sourceTag: `type:${type}`,
    onlyDependOnLibsWithTags: [...below, 'testing'].map((tag) => `type:${tag}`),
    ...(WITHOUT_NEST.includes(type) && { bannedExternalImports: ['@nestjs/*'] }),
  })),
  // An ecosystem knows its protocol and nothing of the others.
  ...ECOSYSTEMS.map((ecosystem) => ({
    sourceTag: `ecosystem:${ecosystem}`,
    notDependOnLibsWithTags: ECOSYSTEMS.filter((other) => other !== ecosystem).map((other) => `ecosystem:${other}`),
  })),
];

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '**/.nx/**', 'data/**', 'libs/testing/fixtures/**', 'tools/generators/files/**'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommended],
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ['vitest.config.ts'] }, tsconfigRootDir: import.meta.dirname } },
    plugins: { '@nx': nx, 'import-x': importX, house: houseRules },
    settings: { 'import-x/resolver-next': [createNodeResolver({ extensions: ['.ts', '.js'] })], 'import-x/parsers': { '@typescript-eslint/parser': ['.ts'] } },
    rules: {
      '@nx/enforce-module-boundaries': ['error', { enforceBuildableLibDependency: true, allow: [], depConstraints }],
      'import-x/no-cycle': ['error', { ignoreExternal: true }],
      'house/file-names': 'error',
      'house/environment-access': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false, attributes: false } }],
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true }],
      '@typescript-eslint/no-extraneous-class': 'off',
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportAllDeclaration', message: 'index.ts names each export: style rule 9.' },
        { selector: 'TSEnumDeclaration', message: 'String unions, not enums: style rule 8.' },
        { selector: 'ConditionalExpression > ConditionalExpression', message: 'No nested ternaries: style rule 5.' },
      ],
      'no-else-return': 'error',
      'no-lone-blocks': 'error',
      eqeqeq: 'error',
    },
  },
  {
    files: ['libs/*/src/**/*.ts', 'apps/*/src/**/*.ts', 'tools/*/src/**/*.ts'],
    ignores: TESTS,
    plugins: { jsdoc },
    rules: {
      'max-lines': ['error', { max: 300 }],
      'max-depth': ['error', 4],
      'max-params': 'off',
      '@typescript-eslint/max-params': ['error', { max: 5 }],
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true, named: true, defaultFrom: true } }],
      'no-restricted-imports': ['error', { paths: [{ name: '@nestjs/common', importNames: ['forwardRef'], message: 'A cycle of modules is a wrong cut.' }] }],
      'jsdoc/require-jsdoc': [
        'error',
        {
          publicOnly: { esm: true },
          require: { FunctionDeclaration: true, ClassDeclaration: true },
          contexts: ['TSInterfaceDeclaration', 'TSTypeAliasDeclaration', 'ExportNamedDeclaration > VariableDeclaration'],
        },
      ],
    },
  },
  {
    files: ['libs/{errors,mapping,oci,storage,upstream,ingest,access,housekeeping,platform}/src/**/*.ts'],
    ignores: TESTS,
    plugins: { house: houseRules },
    rules: { 'house/ecosystem-names': ['error', { names: [...new Set([...ECOSYSTEMS, 'npm', 'pypi', 'terraform'])] }] },
  },
  {
    files: ['libs/platform/src/config/**/*.ts', 'libs/testing/src/**/*.ts', ...TESTS],
    rules: { 'house/environment-access': 'off' },
  },
  {
    // Tests may take what they need, and vitest's matchers are promises at will.
    files: TESTS,
    rules: { '@nx/enforce-module-boundaries': ['error', { depConstraints: [{ sourceTag: '*', onlyDependOnLibsWithTags: ['*'] }] }] },
  },
);
