import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { hostileText } from './hostile-text.contract.ts';
import { MAX_REPOSITORY_NAME_LENGTH, parseRepositoryName, repositoryName } from './repository-name.ts';

const ECR_NAME = /^(?:[a-z0-9]+(?:[._-][a-z0-9]+)*\/)*[a-z0-9]+(?:[._-][a-z0-9]+)*$/;

describe('repositoryName', () => {
  it.each([
    [['eco', 'lodash'], 'eco/lodash', 'eco-0-lodash'],
    [['eco', 'types', 'node'], 'eco/types/node', 'eco-0-types-0-node'],
    [['eco', 's', '_x'], 'eco/s/x0-03x', 'eco-0-s-0-x0-03x'],
    [['eco', 'types', 'blobs'], 'eco/types/x0-blobs', 'eco-0-types-0-x0-blobs'],
  ])('%j is %s, or flat %s', (components, nested, flat) => {
    expect(repositoryName(components)).toBe(nested);
    expect(repositoryName(components, { flat: true })).toBe(flat);
    expect(parseRepositoryName(nested)).toEqual(components);
    expect(parseRepositoryName(flat, { flat: true })).toEqual(components);
  });

  it.each([[[]], [['eco', '']]])('refuses %j', (components) => {
    expect(() => repositoryName(components)).toThrow(expect.objectContaining({ code: 'invalid' }));
  });

  it.each(['', 'a//b', 'A/b', 'eco/blobs', 'x0-a'])('does not read the foreign name %j', (name) => {
    expect(parseRepositoryName(name)).toBeNull();
  });

  it.each([false, true])('is legal, bounded, injective and reversible (flat: %s)', (flat) => {
    const seen = new Map<string, string>();

    fc.assert(
      fc.property(fc.array(hostileText, { minLength: 1, maxLength: 5 }), (components) => {
        const name = repositoryName(components, { flat });
        const key = JSON.stringify(components);
        expect(name).toMatch(ECR_NAME);
        expect(name.length).toBeLessThanOrEqual(MAX_REPOSITORY_NAME_LENGTH);
        expect(seen.get(name) ?? key).toBe(key);
        seen.set(name, key);
        const parsed = parseRepositoryName(name, { flat });
        const shortened = parsed?.length === 2 && parsed[1] === null;
        expect(shortened ? components : parsed?.map((part, index) => part ?? components[index])).toEqual(components);
      }),
      { numRuns: 2000 },
    );
  });
});
