import type { ServerResponse } from 'node:http';

import { describe, expect } from 'vitest';

import { expectNamed, hostile, type HostileRegistry, manifest, tagsOf, useHostileRegistry } from './hostile.contract.ts';

function send(response: ServerResponse, tags: readonly string[] | null, next?: string): true {
  response.writeHead(200, next === undefined ? {} : { link: `<${next}>; rel="next"` }).end(JSON.stringify({ name: 'team/pkg/a', tags }));
  return true;
}

function numbered(count: number): readonly string[] {
  return Array.from({ length: count }, (_, number) => `1.0.${String(number).padStart(4, '0')}`);
}

/** What the registry has, cut after `cut` tags, beginning after `last`; without a `Link`. Counts the requests. */
function cutLists(registry: HostileRegistry, tags: readonly string[], cut: number): () => number {
  let requests = 0;
  registry.misbehave((request, response) => {
    requests += 1;
    const last = new URL(request.url, registry.server.url).searchParams.get('last');
    const rest = tags.slice(last === null ? 0 : tags.indexOf(last) + 1);
    return send(response, rest.slice(0, cut));
  });
  return () => requests;
}

describe('tag lists of a hostile registry', () => {
  useHostileRegistry();

  hostile('tag list unsorted', 'is whole, page by page', async (registry) => {
    registry.misbehave((request, response) => (request.url.includes('last=') ? send(response, ['b', 'z']) : send(response, ['y', 'a', 'x'], '?last=x')));

    expect(await tagsOf(registry.repository())).toEqual(['y', 'a', 'x', 'b', 'z']);
  });

  hostile('short body', 'of a tag list that ends cleanly in its middle is asked for again', async (registry) => {
    let requests = 0;
    registry.misbehave((_request, response) => {
      requests += 1;
      return requests > 1 ? send(response, ['a', 'b']) : (response.writeHead(200).end('{"name":"team/pkg/a","tags":["a"'), true);
    });

    expect(await tagsOf(registry.repository())).toEqual(['a', 'b']);
    expect(requests).toBe(2);
  });

  hostile('tag list duplicated', 'within a page and across pages shows each tag once', async (registry) => {
    registry.misbehave((request, response) => (request.url.includes('last=') ? send(response, ['b', 'c', 'c']) : send(response, ['a', 'a', 'b'], '?last=b')));

    expect(await tagsOf(registry.repository())).toEqual(['a', 'b', 'c']);
  });

  for (const cut of [50, 100, 500, 1000]) {
    hostile('tag list truncated', `at ${cut} without a Link is asked for its rest`, async (registry) => {
      const tags = numbered(cut * 2 + 7);
      const requests = cutLists(registry, tags, cut);

      expect(await tagsOf(registry.repository())).toEqual(tags);
      expect(requests()).toBe(3);
    });
  }

  hostile('tag list truncated', 'to fewer than asked for, with a Link, goes on', async (registry) => {
    registry.misbehave((request, response) => (request.url.includes('last=') ? send(response, ['b']) : send(response, ['a'], '/v2/team/pkg/a/tags/list?n=1&last=a')));

    expect(await tagsOf(registry.repository())).toEqual(['a', 'b']);
  });

  hostile('tag list truncated', 'never: a registry that ignores n and last sends all, and is asked once, or once more where that looks cut', async (registry) => {
    for (const [count, asked] of [[7, 1], [2_000, 1], [100, 2]] as const) {
      const tags = numbered(count);
      let requests = 0;
      registry.misbehave((_request, response) => {
        requests += 1;
        return send(response, tags);
      });

      expect(await tagsOf(registry.repository())).toEqual(tags);
      expect(requests).toBe(asked);
    }
  });

  for (const status of [400, 404, 405]) {
    hostile('tag list truncated', `never: ${status} to the question for more is the end`, async (registry) => {
      registry.misbehave((request, response) => (request.url.includes('last=') ? response.writeHead(status).end() !== undefined : send(response, numbered(100))));

      expect(await tagsOf(registry.repository())).toEqual(numbered(100));
    });
  }

  hostile('tag list truncated', 'by a failure in the middle is no list', async (registry) => {
    registry.misbehave((request, response) => (request.url.includes('last=') ? response.writeHead(503).end() !== undefined : send(response, numbered(100))));

    const error = await registry.failure(tagsOf(registry.repository()));

    expect(error.code).toBe('storage-unavailable');
    expectNamed(error, 'listing tags');
  });

  hostile('tag list null', 'is empty, as is one without the field', async (registry) => {
    for (const body of ['{"name":"team/pkg/a","tags":null}', '{"name":"team/pkg/a"}']) {
      registry.misbehave((_request, response) => response.writeHead(200).end(body) !== undefined);

      expect(await tagsOf(registry.repository())).toEqual([]);
    }
  });

  hostile('404 mid-pagination', 'starts over, and the list is whole', async (registry) => {
    let gone = false;
    registry.misbehave((request, response) => {
      if (!request.url.includes('last=')) {
        return send(response, gone ? ['a', 'c'] : ['a', 'b'], gone ? '?last=c' : '?last=b');
      }
      if (request.url.endsWith('last=b')) {
        gone = true;
        return response.writeHead(404).end('{"errors":[{"code":"NAME_UNKNOWN"}]}') !== undefined;
      }
      return send(response, ['d']);
    });

    expect(await tagsOf(registry.repository())).toEqual(['a', 'b', 'c', 'd']);
  });

  hostile('404 mid-pagination', 'again and again fails by name, and is never passed off as the end', async (registry) => {
    registry.misbehave((request, response) => (request.url.includes('last=') ? response.writeHead(404).end() !== undefined : send(response, ['a'], '?last=a')));

    const error = await registry.failure(tagsOf(registry.repository()));

    expect(error.code).toBe('storage-unavailable');
    expectNamed(error, 'listing tags');
  });

  hostile('404 for a tag just listed', 'is a missing manifest, not a failure, and the tag may come back', async (registry) => {
    const repository = registry.repository();
    await repository.writeManifest(manifest(), { tag: '1.0.0' });
    let late = true;
    registry.misbehave((request, response) => request.url.includes('/manifests/') && late && response.writeHead(404).end() !== undefined);

    const listed = await tagsOf(repository);
    const missing = [await repository.readManifest('1.0.0'), await repository.statManifest('1.0.0')];
    late = false;

    expect([listed, missing]).toEqual([['1.0.0'], [null, null]]);
    expect(await repository.readManifest('1.0.0')).toEqual(manifest());
  });
});
