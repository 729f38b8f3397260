import { expect, it } from 'vitest';

import { NPM_VARIABLES } from './npm-variables.ts';

it.each([
  ['off', 'off'],
  ['https://registry.example.com/', 'https://registry.example.com'],
  ['http://registry.example.com/npm/', 'http://registry.example.com/npm'],
])('NPM_UPSTREAM_URL=%s is %s', (text, value) => {
  expect(NPM_VARIABLES.NPM_UPSTREAM_URL.parse(text)).toBe(value);
});

it.each(['registry.example.com', 'ftp://registry.example.com', 'https://user:secret@registry.example.com', 'https://registry.example.com/?x=1'])('NPM_UPSTREAM_URL=%s is refused', (text) => {
  expect(NPM_VARIABLES.NPM_UPSTREAM_URL.safeParse(text).success).toBe(false);
});
