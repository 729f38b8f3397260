import { expect, it } from 'vitest';

import { holdingRefs } from './holdings.ts';

it('a project may lie in the main place, beside it where it is published, and in a place of each upstream', () => {
  expect(holdingRefs('My.Tool', ['extra', 'default']).map(({ name, repository }) => [name, repository])).toEqual([
    ['my-tool', 'pypi/my-tool'],
    ['my-tool', 'pypi/published/my-tool'],
    ['my-tool', 'pypi/upstreams/default/my-tool'],
    ['my-tool', 'pypi/upstreams/extra/my-tool'],
  ]);
  expect(() => holdingRefs('-', [])).toThrow(/not the name/);
});
