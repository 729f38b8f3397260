import { RuleTester } from 'eslint';
import { describe, it } from 'vitest';

import { ecosystemNames } from './ecosystem-names.ts';
import { environmentAccess } from './environment-access.ts';
import { fileNames } from './file-names.ts';

// RuleTester registers its cases with these.
Object.assign(RuleTester, { describe, it });

const tester = new RuleTester();

const options = [{ names: ['npm', 'pypi', 'terraform'] }];

tester.run('ecosystem-names', ecosystemNames, {
  valid: ["const a = 'cargo';", 'const a = `catalog/${name}`;', "const a = 'npmrc';"].map((code) => ({ code, options })),
  invalid: ["const a = 'npm';", "if (ecosystem === 'pypi') { go(); }", 'const a = `terraform/${name}`;'].map((code) => ({
    code,
    options,
    errors: [{ messageId: 'named' }],
  })),
});

tester.run('environment-access', environmentAccess, {
  valid: ['const a = config.env;', 'const a = process.pid;'],
  invalid: [
    { code: 'const a = process.env.HOME;', errors: [{ messageId: 'read' }] },
    { code: "const a = process['env'];", errors: [{ messageId: 'read' }] },
    { code: 'const { env } = process;', errors: [{ messageId: 'read' }] },
    { code: "import { env } from 'node:process';", errors: [{ messageId: 'read' }] },
  ],
});

tester.run('file-names', fileNames, {
  valid: [
    { code: '', filename: 'tag-listing.spec.ts' },
    { code: '', filename: 'index.ts' },
  ],
  invalid: [
    { code: '', filename: 'TagListing.ts', errors: [{ messageId: 'form' }] },
    { code: '', filename: 'tag_listing.ts', errors: [{ messageId: 'form' }] },
    { code: '', filename: 'helpers.ts', errors: [{ messageId: 'drawer' }] },
  ],
});
