import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';

import { type ScriptedRequest, type ScriptedServer, startScriptedServer } from './scripted-server.ts';

/** Looks at a request first; `true` when it answered, `false` to let the registry go on. */
export type Interceptor = (request: ScriptedRequest, response: ServerResponse) => boolean | Promise<boolean>;

/** A small registry in memory whose every answer a test may replace. Distribution API without ranges, pages, or auth. */
export interface ScriptedRegistry extends ScriptedServer {
  /** Blobs and manifests by `<repository>@<digest>`. */
  readonly contents: Map<string, { readonly type: string; readonly bytes: Buffer }>;
  /** Digests by `<repository>:<tag>`. */
  readonly tags: Map<string, string>;
  /** Asks `interceptor` from now on. */
  intercept(interceptor: Interceptor): void;
}

interface State {
  readonly contents: ScriptedRegistry['contents'];
  readonly tags: ScriptedRegistry['tags'];
  uploads: number;
}

/** Starts a {@link ScriptedRegistry}. */
export async function startScriptedRegistry(): Promise<ScriptedRegistry> {
  const state: State = { contents: new Map(), tags: new Map(), uploads: 0 };
  let interceptor: Interceptor = () => false;
  const server = await startScriptedServer(async (request, response) => {
    if (!(await interceptor(request, response))) {
      response.setHeader('docker-distribution-api-version', 'registry/2.0');
      serve(request, response, state);
    }
  });
  return {
    ...server,
    contents: state.contents,
    tags: state.tags,
    intercept: (next) => {
      interceptor = next;
    },
  };
}

function serve(request: ScriptedRequest, response: ServerResponse, state: State): void {
  const url = new URL(request.url, 'http://127.0.0.1');
  const match = /^\/v2\/(.+)\/(tags\/list|blobs\/uploads|manifests|blobs)(?:\/(.*))?$/.exec(url.pathname);
  if (match === null) {
    response.writeHead(url.pathname === '/v2/' ? 200 : 404).end();
    return;
  }
  const [, repository = '', kind = '', reference = ''] = match;
  if (kind === 'tags/list') {
    listTags(repository, response, state);
  } else if (kind === 'blobs/uploads') {
    upload({ repository, request, response, url }, state);
  } else if (request.method === 'PUT') {
    putManifest({ repository, reference, request, response }, state);
  } else if (request.method === 'DELETE') {
    deleteManifest(`${repository}:${reference}`, response, state);
  } else {
    sendContent({ repository, reference, request, response }, state);
  }
}

function listTags(repository: string, response: ServerResponse, state: State): void {
  const own = [...state.tags.keys()].filter((key) => key.startsWith(`${repository}:`));
  sendJson(response, own.length === 0 ? 404 : 200, { name: repository, tags: own.map((key) => key.slice(repository.length + 1)) });
}

function upload(step: { repository: string; request: ScriptedRequest; response: ServerResponse; url: URL }, state: State): void {
  if (step.request.method === 'POST') {
    state.uploads += 1;
    step.response.writeHead(202, { location: `/v2/${step.repository}/blobs/uploads/${state.uploads}?_state=a%3Db` }).end();
    return;
  }
  const digest = step.url.searchParams.get('digest') ?? '';
  if (digestOf(step.request.body) !== digest) {
    sendJson(step.response, 400, { errors: [{ code: 'DIGEST_INVALID' }] });
    return;
  }
  state.contents.set(`${step.repository}@${digest}`, { type: 'application/octet-stream', bytes: step.request.body });
  step.response.writeHead(201, { 'docker-content-digest': digest }).end();
}

interface ManifestStep {
  readonly repository: string;
  readonly reference: string;
  readonly request: ScriptedRequest;
  readonly response: ServerResponse;
}

function putManifest({ repository, reference, request, response }: ManifestStep, state: State): void {
  const digest = digestOf(request.body);
  state.contents.set(`${repository}@${digest}`, { type: request.headers['content-type'] ?? '', bytes: request.body });
  if (!reference.startsWith('sha256:')) {
    state.tags.set(`${repository}:${reference}`, digest);
  }
  response.writeHead(201, { 'docker-content-digest': digest }).end();
}

function deleteManifest(key: string, response: ServerResponse, state: State): void {
  response.writeHead(state.tags.delete(key) ? 202 : 404).end();
}

function sendContent({ repository, reference, request, response }: ManifestStep, state: State): void {
  const digest = reference.startsWith('sha256:') ? reference : (state.tags.get(`${repository}:${reference}`) ?? '');
  const content = state.contents.get(`${repository}@${digest}`);
  if (content === undefined) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'content-type': content.type, 'content-length': content.bytes.length, 'docker-content-digest': digest });
  response.end(request.method === 'HEAD' ? undefined : content.bytes);
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
