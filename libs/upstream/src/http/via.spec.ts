import { expect, it } from 'vitest';

import { viaHasLoop, viaOf } from './via.ts';

it.each([
  [undefined, false],
  ['', false],
  ['1.1 other', false],
  ['1.1 proxy-1', true],
  ['1.1 PROXY-1', true],
  ['1.0 a, 1.1 proxy-1 (comment), 1.1 b', true],
  ['1.1 proxy-10', false],
  ['1.1 not-proxy-1', false],
  [['1.1 a', '1.1 proxy-1'], true],
])('finds us in %j: %s', (header, expected) => {
  expect(viaHasLoop(header, 'proxy-1')).toBe(expected);
});

it('finds what it sends', () => {
  expect(viaHasLoop(viaOf('x'), 'x')).toBe(true);
  expect(viaOf('x', '1.1 y')).toBe('1.1 y, 1.1 x');
});
