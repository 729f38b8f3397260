import { readFile } from 'node:fs/promises';

import { describe, expect, it } from 'vitest';

import { HOSTILE_LINES } from './hostile.contract.ts';

describe('the hostile suite', () => {
  it.each(Object.entries(HOSTILE_LINES))('plays: %s', async (line, file) => {
    const spec = await readFile(new URL(`hostile-${file}.spec.ts`, import.meta.url), 'utf8');

    expect(spec).toContain(`hostile('${line}', `);
  });
});
