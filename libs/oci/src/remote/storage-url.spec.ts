import { describe, expect, it } from 'vitest';

import { parseStorageUrl } from './storage-url.ts';

describe('parseStorageUrl', () => {
  it.each([
    ['https://example.com', 'https://example.com/', ''],
    ['https://example.com/team/packages/', 'https://example.com/', 'team/packages'],
    ['http://127.0.0.1:5000/p', 'http://127.0.0.1:5000/', 'p'],
  ])('%s', (text, registry, prefix) => {
    const parsed = parseStorageUrl(text);

    expect([parsed.registry.href, parsed.prefix]).toEqual([registry, prefix]);
  });

  it.each(['example.com/x', 'ftp://example.com', 'https://user:hunter2@example.com', 'https://example.com/?hunter2', 'https://example.com/Hunter2', 'https://example.com/a//hunter2'])(
    'refuses %s without showing it',
    (text) => {
      const refused = (): unknown => parseStorageUrl(text);

      expect(refused).toThrow(expect.objectContaining({ code: 'config', message: expect.not.stringMatching(/hunter2/i) }) as Error);
    },
  );
});
