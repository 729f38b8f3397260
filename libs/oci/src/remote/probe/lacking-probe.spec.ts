import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';

import { type Interceptor, type ScriptedRegistry, type ScriptedRequest, startScriptedRegistry, startScriptedServer } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { digestOf } from '../../model/digest.ts';
import { staticCredentials } from '../auth/credentials.ts';
import { registryProfile } from '../profile/known-products.ts';
import { RemoteRegistry, type RemoteRegistryOptions } from '../remote-registry.ts';
import { findingOf, type ProbeReport, type ProbeTopic, type ProbeValues } from './probe-report.ts';
import { type ProbeOptions, probeRegistry } from './probe-registry.ts';

const KIB = 1024;
const SECRET = 'hunter2';

let server: ScriptedRegistry;
let registry: RemoteRegistry;

beforeEach(async () => {
  server = await startScriptedRegistry();
  connect();
});
afterEach(async () => {
  await registry.close();
  await server.stop();
});

function connect(options: Partial<RemoteRegistryOptions> = {}): void {
  registry = new RemoteRegistry({ url: `${server.url}/team`, retry: { attempts: 2, baseMs: 5 }, ...options });
}

async function probed(interceptor: Interceptor, options: ProbeOptions = {}): Promise<ProbeReport> {
  server.intercept(interceptor);
  return probeRegistry(registry, options);
}

function valuesOf({ findings }: ProbeReport): Partial<ProbeValues> {
  return Object.fromEntries(findings.map(({ what, value }) => [what, value]));
}

interface Asked {
  readonly repository: string;
  readonly kind: string;
  readonly reference: string;
  readonly query: URLSearchParams;
}

function asked({ url }: Pick<ScriptedRequest, 'url'>): Asked {
  const { pathname, searchParams } = new URL(url, 'http://127.0.0.1');
  const [, repository = '', kind = '', reference = ''] = /^\/v2\/(.+)\/(tags\/list|blobs\/uploads|manifests|blobs|referrers)\/?(.*)$/.exec(pathname) ?? [];
  return { repository, kind, reference, query: searchParams };
}

function refuse(response: ServerResponse, status: number, code: string): true {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ errors: [{ code }] }));
  return true;
}

function list(response: ServerResponse, tags: readonly string[], link?: string): true {
  response.writeHead(200, { 'content-type': 'application/json', ...(link !== undefined && { link: `<${link}>; rel="next"` }) }).end(JSON.stringify({ tags }));
  return true;
}

function tagsIn(repository: string): string[] {
  return [...server.tags.keys()].filter((key) => key.startsWith(`${repository}:`)).map((key) => key.slice(repository.length + 1));
}

/** Refuses to put a tag again, but for those in `spared`. */
function immutable(status: number, code: string, spared: readonly string[] = []): Interceptor {
  return (request, response) => {
    const { repository, kind, reference } = asked(request);
    const held = server.tags.get(`${repository}:${reference}`);
    return request.method === 'PUT' && kind === 'manifests' && held !== undefined && held !== digestOf(request.body) && !spared.includes(reference) && refuse(response, status, code);
  };
}

/** Takes manifests to `limit` bytes. */
function limited(limit: number, status: number): Interceptor {
  return (request, response) => request.method === 'PUT' && asked(request).kind === 'manifests' && request.body.length > limit && refuse(response, status, 'SIZE_INVALID');
}

/** Sorted pages of `n`, as `next` says. */
function paged(next: (request: Asked, page: readonly string[], all: readonly string[]) => { readonly tags: readonly string[]; readonly link?: string }): Interceptor {
  return (request, response) => {
    const question = asked(request);
    const all = tagsIn(question.repository).toSorted();
    if (question.kind !== 'tags/list' || all.length === 0) {
      return false;
    }
    const after = all.filter((tag) => tag > (question.query.get('last') ?? ''));
    const { tags, link } = next(question, after.slice(0, Number(question.query.get('n') ?? all.length)), all);
    return list(response, tags, link);
  };
}

const deepNames: Interceptor = (request, response) => asked(request).repository.split('/').length > 2 && refuse(response, 401, 'UNAUTHORIZED');
const noneCreated: Interceptor = (request, response) => request.method === 'POST' && refuse(response, 404, 'NAME_UNKNOWN');
const readers: Interceptor = (request, response) => ['POST', 'PUT', 'DELETE'].includes(request.method) && refuse(response, 403, 'DENIED');
const noDeletes: Interceptor = (request, response) => request.method === 'DELETE' && asked(request).kind === 'manifests' && refuse(response, 405, 'UNSUPPORTED');
const late: Interceptor = (_request, response) => {
  response.setHeader('date', new Date(Date.now() - 600_000).toUTCString());
  return false;
};
const harbor: Interceptor = (_request, response) => {
  response.writeHead(401, { 'www-authenticate': 'Bearer realm="https://harbor.example.com/service/token",service="harbor-registry"' }).end();
  return true;
};

const LACKING: readonly (readonly [name: string, interceptor: Interceptor, wanted: Partial<{ [T in ProbeTopic]: ProbeValues[T] | null }>, details: readonly [ProbeTopic, RegExp]])[] = [
  ['two-level names', deepNames, { nestedNames: false, push: true, keepsConcurrentTags: true }, ['nestedNames', /upload to team\/system\/probe is answered 401 UNAUTHORIZED, and one to team\/system-0-probe begins/]],
  ['immutable tags', immutable(409, 'TAG_EXISTS'), { replacesTags: false, replacesDerivedTags: false }, ['replacesTags', /put twice: 201, 409 TAG_EXISTS, and then it shows the first/]],
  ['immutable tags without ours', immutable(400, 'TAG_INVALID', ['_snapshot', '_upstream']), { replacesTags: false, replacesDerivedTags: true }, ['replacesDerivedTags', /_upstream put twice: 201, 201/]],
  ['repositories that somebody has to make', noneCreated, { createsRepositories: false, push: null, uploads: null }, ['push', /there is no repository to push to: an upload to team\/system\/probe is answered 404 NAME_UNKNOWN/]],
  ['a credential that only reads', readers, { pull: true, push: false, uploads: null }, ['push', /answered 403 DENIED/]],
  ['no deletion', noDeletes, { deletesTags: false, deletesDigests: false, delete: null }, ['deletesTags', /405 UNSUPPORTED/]],
  ['manifests to 600 KiB', limited(600 * KIB, 413), { largestManifest: 512 * KIB }, ['largestManifest', /a manifest of 524288 bytes is taken; one of 1048576 is answered 413 SIZE_INVALID/]],
  ['manifests below 4 MiB', limited(4 * KIB * KIB - 2, 500), { largestManifest: 2 * KIB * KIB }, ['largestManifest', /one of 4194303 is answered .* 500/]],
  ['lists in pages with a Link', paged(({ repository, query }, page, all) => ({ tags: page, ...(page.at(-1) !== all.at(-1) && { link: `/v2/${repository}/tags/list?n=${query.get('n')}&last=${page.at(-1)}` }) })), { tagPages: 'linked', tagOrder: 'lexical' }, ['tagPages', /6 tags in 3 pages of 2/]],
  ['lists in pages by last', paged((_question, page) => ({ tags: page })), { tagPages: 'by-last' }, ['tagPages', /without a Link; last=/]],
  ['lists that are cut', paged(({ query }, _page, all) => ({ tags: all.slice(0, Number(query.get('n') ?? all.length)) })), { tagPages: 'cut' }, ['tagPages', /sends 2 without a Link, and nothing more for last=/]],
  ['a clock that is right', () => false, { blobRanges: false, chunkedUploads: false, mounts: false, deletesTags: true, deletesDigests: false, tagPages: 'ignored', tagOrder: 'by-age', strangersPush: true, deleteSparesTags: true }, ['tagOrder', /as they were put/]],
  ['a clock that is late', late, { clockSkewMs: expect.closeTo(-600_000, -4) as number }, ['clockSkewMs', /it was /]],
  ['a name of its own', harbor, { product: 'harbor', authentication: 'bearer', credential: null }, ['authentication', /asks for Bearer tokens of harbor\.example\.com\/service\/token/]],
];

describe('probing a registry with', () => {
  it.each(LACKING)('%s', async (_name, interceptor, wanted, [topic, details]) => {
    const report = await probed(interceptor);

    expect(valuesOf(report)).toMatchObject({ reachable: true, ...wanted });
    expect(findingOf(report, topic).details).toMatch(details);
  });

  it('tags that are lost when several come at once', async () => {
    const report = await probed((request, response) => {
      const { repository, kind, reference } = asked(request);
      const isLost = request.method === 'PUT' && kind === 'manifests' && repository.endsWith('/six') && /-[13]$/.test(reference);
      return isLost && response.writeHead(201).end() !== undefined;
    });

    expect(valuesOf(report)).toMatchObject({ keepsConcurrentTags: false, readsItsWrites: true });
    expect(findingOf(report, 'keepsConcurrentTags').details).toBe('of 6 tags put at the same moment into a repository that had none, all answered 201, 2 are gone');
  }, 15_000);

  it('a list that is late', async () => {
    const lists = new Map<string, number>();
    const report = await probed((request, response) => {
      const { repository, kind } = asked(request);
      if (kind !== 'tags/list') {
        return false;
      }
      // A tag is in the second list after its put.
      const seen = (tag: string): number => lists.get(`${repository}:${tag}`) ?? 0;
      const shown = tagsIn(repository).filter((tag) => seen(tag) > 0);
      tagsIn(repository).forEach((tag) => lists.set(`${repository}:${tag}`, seen(tag) + 1));
      return list(response, shown);
    });

    expect(valuesOf(report)).toMatchObject({ readsItsWrites: false, keepsConcurrentTags: true });
    expect(findingOf(report, 'readsItsWrites').details).toMatch(/5 of 5 tags were not shown right after their put: one was not there in the list, and came \d\.\d s later/);
  }, 15_000);

  it('blobs elsewhere, where no credential goes', async () => {
    const store = await startScriptedServer((request, response) => {
      const content = [...server.contents].find(([key]) => key.endsWith(new URL(request.url, 'http://127.0.0.1').pathname.slice(1)));
      response.writeHead(content === undefined ? 404 : 200, { 'content-length': content?.[1].bytes.length ?? 0 }).end(request.method === 'HEAD' ? undefined : content?.[1].bytes);
    });
    await registry.close();
    connect({ credentials: staticCredentials('robot', SECRET) });

    const report = await probed((request, response) => {
      const { kind, reference } = asked(request);
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="registry"' }).end();
        return true;
      }
      return ['GET', 'HEAD'].includes(request.method) && kind === 'blobs' && response.writeHead(307, { location: `${store.url}/${reference}?signature=${SECRET}` }).end() !== undefined;
    });
    await store.stop();

    expect(valuesOf(report)).toMatchObject({ authentication: 'basic', strangersPush: false, strangersPull: false, blobRedirects: true, blobReads: true });
    expect(store.requests.length).toBeGreaterThan(2);
    expect(store.requests.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
    expect(JSON.stringify(report)).not.toContain(SECRET);
  });

  it('something on the way that compresses', async () => {
    const report = await probed((request, response) => {
      const { repository, kind } = asked(request);
      const body = gzipSync(JSON.stringify({ tags: tagsIn(repository) }));
      return kind === 'tags/list' && response.writeHead(200, { 'content-encoding': 'gzip' }).end(body) !== undefined;
    });

    expect(valuesOf(report)).toMatchObject({ compresses: true, readsItsWrites: true });
    expect(findingOf(report, 'compresses').details).toBe('answers came coded (gzip), though identity was asked for');
  });

  it('chunks of which all but the first are lost', async () => {
    let first: Buffer | null = null;
    const report = await probed((request, response) => {
      const { repository, kind, query } = asked(request);
      if (request.method === 'PATCH') {
        first ??= request.body;
        response.writeHead(202, { location: request.url }).end();
        return true;
      }
      const ends = request.method === 'PUT' && kind === 'blobs/uploads' && request.body.length === 0 && first !== null;
      if (ends) {
        server.contents.set(`${repository}@${query.get('digest')}`, { type: 'application/octet-stream', bytes: first ?? Buffer.alloc(0) });
        response.writeHead(201).end();
      }
      return ends;
    });

    expect(findingOf(report, 'chunkedUploads')).toMatchObject({ value: false, details: expect.stringMatching(/were taken, and are not there afterwards/) as string });
  });

  it('flat names, by configuration', async () => {
    await registry.close();
    connect({ profile: registryProfile({ overrides: { names: 'flat' } }) });

    const report = await probed(deepNames);

    expect(valuesOf(report)).toMatchObject({ push: true, nestedNames: null, missingRepository: 'not-found', keepsConcurrentTags: true });
    expect(server.requests.filter((request) => asked(request).repository.split('/').length > 2)).toEqual([]);
  });

  it('answers that never come, within its time', async () => {
    const begun = performance.now();

    const report = await probed((request) => new Promise((resolve) => (asked(request).reference.startsWith('probe-') ? undefined : resolve(false))), { deadlineMs: 800 });

    expect(performance.now() - begun).toBeLessThan(5_000);
    expect(findingOf(report, 'readsItsWrites')).toMatchObject({ value: null, details: 'there was no time left to find it out' });
  });

  it('a caller who gives up', async () => {
    const caller = new AbortController();

    const gone = probed((request) => request.method === 'PUT' && caller.abort() !== undefined, { signal: caller.signal });

    await expect(gone).rejects.toMatchObject({ code: 'aborted' });
  });

  it('nothing behind /v2/', async () => {
    const report = await probed((_request, response) => refuse(response, 404, 'NOT_FOUND'));

    expect(findingOf(report, 'reachable')).toMatchObject({ value: false, details: expect.stringMatching(/answers 404 NOT_FOUND at \/v2\/, as no registry does/) as string });
  });
});
