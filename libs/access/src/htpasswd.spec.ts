import bcrypt from 'bcryptjs';
import { describe, expect, it } from 'vitest';

import { parseHtpasswd } from './htpasswd.ts';

const HASH = bcrypt.hashSync('secret', 4);

describe('parseHtpasswd', () => {
  it('takes bcrypt of every writer, comments, blank lines and any line end', () => {
    const text = `\uFEFF# people\r\nalice:${HASH}\r\n\n  bob:${HASH.replace('$2b$', '$2y$')}\ncarol smith:${HASH.replace('$2b$', '$2a$')}`;

    const { hashes, problems } = parseHtpasswd(text);

    expect([...hashes.keys()]).toEqual(['alice', 'bob', 'carol smith']);
    expect(problems).toEqual([]);
  });

  it.each([
    ['another kind of hash', 'alice:$apr1$abcdefgh$0123456789012345678901', /^line 2: .*only bcrypt.*htpasswd -B/],
    ['a plain password', 'alice:hunter2', /^line 2: .*only bcrypt/],
    ['SHA', 'alice:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=', /^line 2: .*only bcrypt/],
    ['a damaged hash', `alice:${HASH.slice(0, -2)}`, /^line 2: .*damaged/],
    ['a cost that takes minutes', `alice:${HASH.replace('$04$', '$20$')}`, /^line 2: .*costs more than 15/],
    ['no colon', 'alice', /^line 2: must be a user name/],
    ['no name', `:${HASH}`, /^line 2: must be a user name/],
    ['a name that means something else', `authenticated:${HASH}`, /^line 2: .*means something else/],
    ['a star', `*:${HASH}`, /^line 2: must be a user name/],
    ['a user twice', `first:${HASH}`, /^line 2: .*earlier line/],
  ])('reports %s by its line, without what is in it', (_what, line, problem) => {
    const { hashes, problems } = parseHtpasswd(`first:${HASH}\n${line}\nlast:${HASH}`);

    expect([...hashes.keys()]).toEqual(['first', 'last']);
    expect(problems).toEqual([expect.stringMatching(problem)]);
    expect(problems.join()).not.toMatch(/alice|hunter2|\$2b|apr1\$/);
  });
});
