import { expect, it } from 'vitest';

import { nextLink } from './link-header.ts';

it.each([
  [undefined, null],
  ['</v2/a/tags/list?n=1&last=b>; rel="next"', '/v2/a/tags/list?n=1&last=b'],
  ['</p,1>; rel="prev", </p,2>; title="a, b"; rel=next', '/p,2'],
  ['</x>; rel="first next"', '/x'],
  ['</x>; rel="nextish"', null],
  ['</x>', null],
  ['</v2/a/tags/list?last=b&n=2>;rel="next"', '/v2/a/tags/list?last=b&n=2'],
])('%s', (header, expected) => {
  expect(nextLink(header)).toBe(expected);
});
