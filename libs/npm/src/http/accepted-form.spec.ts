import { expect, it } from 'vitest';

import { acceptedForm } from './accepted-form.ts';

it.each([
  [undefined, 'full'],
  ['*/*', 'full'],
  ['application/json', 'full'],
  ['application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*', 'abbreviated'],
  ['application/vnd.npm.install-v1+json', 'abbreviated'],
  ['application/json, application/vnd.npm.install-v1+json;q=0.5', 'full'],
  ['application/vnd.npm.install-v1+json;q=0', 'full'],
])('%s: %s', (accept, form) => {
  expect(acceptedForm(accept)).toBe(form);
});
