import { expect, it } from 'vitest';

import { privateNames } from './private-names.ts';

it.each([
  [['@acme/*'], '@acme/tool', true],
  [['@acme'], '@acme/tool', true],
  [['@acme'], '@ACME/tool', true],
  [['@Acme/*'], '@acme/tool', true],
  [['@acme'], '@acme-more/tool', false],
  [['acme-*'], 'acme-tool', true],
  [['acme-*'], 'other', false],
  [['**'], '@any/thing', true],
  [[], 'anything', false],
])('%j on %s: %s', (globs, name, expected) => {
  expect(privateNames(globs)(name)).toBe(expected);
});
