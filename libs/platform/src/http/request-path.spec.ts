import { expect, it } from 'vitest';

import { loggablePath } from './request-path.ts';

it.each([
  ['/npm/tool?token=secret', '/npm/tool'],
  ['/-/npm/v1/tokens/token/opp_x_y', '/-/npm/v1/tokens/token/…'],
  [`/files/${'aB3-_'.repeat(20)}/tool_1.0.0_linux_amd64.zip?archive=zip`, '/files/…/tool_1.0.0_linux_amd64.zip'],
  ['/pypi/files/a-tool-with-a-rather-long-name-that-is-still-one/tool-1.0.tar.gz', '/pypi/files/a-tool-with-a-rather-long-name-that-is-still-one/tool-1.0.tar.gz'],
  ['/a/opp_0123456789abcdef_secret/b', '/a/opp_…/b'],
])('%s is logged as %s', (url, logged) => {
  expect(loggablePath(url)).toBe(logged);
});
