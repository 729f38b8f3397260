import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

import { sendFile } from './pypi-upstream-file.ts';
import { encodePage, type PageFormat } from './pypi-upstream-page.ts';
import type { BigFile } from './big-wheel.ts';
import type { PackageFile } from './wheel-file.ts';

/** One file of the scripted upstream. */
export interface PypiUpstreamFile {
  readonly file: PackageFile | BigFile;
  readonly requiresPython?: string;
  /** PEP 592: true, or the reason. */
  readonly yanked?: string | true;
  /** PEP 700; a moment in 2024 when absent, left out when null. */
  readonly uploadTime?: string | null;
  /** Left out when null. */
  readonly size?: number | null;
  /** In place of the true sha256; empty for none. */
  readonly hashes?: Readonly<Record<string, string>>;
  /**
   * What becomes of the core metadata: `right` (when absent, and the file is a wheel), `unhashed` (announced as `true`), `missing`
   * (announced, then 404), `wrong` (other bytes than announced), `none` (neither announced nor there).
   */
  readonly metadata?: 'right' | 'unhashed' | 'missing' | 'wrong' | 'none';
  /** PEP 740: the document that is served, at `/integrity/<filename>/provenance`. */
  readonly provenance?: Readonly<Record<string, unknown>>;
  /** What is wrong with the file's bytes: other ones, an end before their length, or one byte and then 64 KiB a second. */
  readonly fault?: 'wrong-bytes' | 'truncated' | 'slow';
  /** Bytes a second that the file is sent at; as fast as it goes when absent. */
  readonly bytesPerSecond?: number;
}

/** One project of the scripted upstream. */
export interface PypiUpstreamProject {
  /** As it is listed: upstreams do not always normalize. */
  readonly name: string;
  readonly files: readonly PypiUpstreamFile[];
  /** PEP 792. */
  readonly status?: { readonly status: string; readonly reason?: string };
  /** PEP 700; those of the wheels and source distributions when absent. */
  readonly versions?: readonly string[];
}

/** How the scripted upstream looks. */
export interface PypiUpstreamOptions {
  /** `json` and `html` whatever is asked for; `html-bare` has no hashes and no attributes; `negotiated` as Accept says. */
  readonly format?: PageFormat | 'negotiated';
  /** Path of the pages: `/simple` when absent, may be empty or any other. */
  readonly base?: string;
  /** Where links lead: to another port of loopback (`other-host`), or to the same one by a relative or an absolute link. */
  readonly links?: 'relative' | 'absolute' | 'other-host';
  /** In place of the right Content-Type of pages; null for none. */
  readonly contentType?: string | null;
  /** Further headers of pages. */
  readonly pageHeaders?: Readonly<Record<string, string>>;
  /** No ETag, and so never 304. */
  readonly withoutETag?: boolean;
}

/** A request that the scripted upstream took. */
export interface PypiUpstreamRequest {
  /** Which port: that of the pages, or the other one. */
  readonly host: 'index' | 'files';
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

/** A scripted Python index on loopback. */
export interface PypiUpstream {
  /** Base of the pages, without a slash at its end: what `PYPI_UPSTREAM_URL` is set to. */
  readonly url: string;
  /** Origin of the files where links lead to another host. */
  readonly filesUrl: string;
  /** Paths asked for, in order, on both ports. */
  readonly requests: readonly string[];
  /** The same requests, in full. */
  readonly log: readonly PypiUpstreamRequest[];
  /** What it has; may be changed at any time. The keys are normalized names. */
  readonly projects: Map<string, PypiUpstreamProject>;
  /** Adds a project or replaces it. */
  put(project: PypiUpstreamProject): void;
  /** `up`, or how it fails: answers 503, or takes connections and drops them. */
  mode: 'up' | 'error' | 'drop';
  close(): Promise<void>;
}

/** Starts an upstream that has `projects`. */
export async function startPypiUpstream(projects: readonly PypiUpstreamProject[], options: PypiUpstreamOptions = {}): Promise<PypiUpstream> {
  const log: PypiUpstreamRequest[] = [];
  const requests: string[] = [];
  const take = (host: 'index' | 'files') => (request: IncomingMessage, response: ServerResponse): void => {
    requests.push(request.url ?? '');
    log.push({ host, method: request.method ?? '', path: request.url ?? '', headers: request.headers });
    response.on('error', () => undefined);
    answer(request, response).catch(() => response.destroy());
  };
  const index = createServer(take('index'));
  const files = createServer(take('files'));
  const [origin, filesUrl] = [await listen(index), await listen(files)];
  const base = options.base ?? '/simple';
  const upstream: PypiUpstream = {
    url: `${origin}${base}`,
    filesUrl,
    requests,
    log,
    projects: new Map(projects.map((project) => [normalized(project.name), project])),
    put: (project) => void upstream.projects.set(normalized(project.name), project),
    mode: 'up',
    close: async () => {
      await Promise.all([end(index), end(files)]);
    },
  };
  return upstream;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (upstream.mode === 'drop') {
      request.socket.destroy();
      return;
    }
    if (upstream.mode === 'error') {
      response.writeHead(503).end('down for a test');
      return;
    }
    const path = decodeURIComponent((request.url ?? '').replace(/\?.*$/, ''));
    const asset = /^\/(files|integrity)\/(.+)$/.exec(path);
    if (asset !== null) {
      await sendAsset(request, response, asset[2] ?? '');
      return;
    }
    sendPage(request, response, path);
  }

  async function sendAsset(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const filename = path.replace(/\.metadata$|\/provenance$/, '');
    const all = [...upstream.projects.values()].flatMap((project) => project.files);
    const file = all.find((one) => one.file.filename === filename);
    if (file === undefined) {
      response.writeHead(404).end('no such file');
    } else if (path.endsWith('/provenance')) {
      sendBytes(response, file.provenance, 'application/vnd.pypi.integrity.v1+json');
    } else if (path.endsWith('.metadata')) {
      sendBytes(response, metadataOf(file), 'application/octet-stream');
    } else {
      await sendFile(file, request, response);
    }
  }

  function sendPage(request: IncomingMessage, response: ServerResponse, path: string): void {
    if (!path.startsWith(`${base}/`)) {
      response.writeHead(404).end('no such page');
      return;
    }
    const name = path.slice(base.length + 1);
    if (name !== '' && !name.endsWith('/')) {
      response.writeHead(301, { location: `${path}/` }).end();
      return;
    }
    const project = upstream.projects.get(normalized(name.slice(0, -1)));
    if (name !== '' && project === undefined) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('404 Not Found');
      return;
    }
    const format = formatFor(options.format ?? 'json', request.headers.accept);
    const page = encodePage({ format, project: project ?? null, names: [...upstream.projects.values()].map((one) => one.name), linkBase: linkBase() });
    const etag = `"${createHash('md5').update(page.body).digest('hex')}"`;
    const headers: Record<string, string | number> = {
      vary: 'Accept',
      'cache-control': 'max-age=600, public',
      ...(options.withoutETag === true ? {} : { etag }),
      ...(options.contentType === null ? {} : { 'content-type': options.contentType ?? page.contentType }),
      ...options.pageHeaders,
    };
    if (options.withoutETag !== true && request.headers['if-none-match'] === etag) {
      response.writeHead(304, headers).end();
      return;
    }
    response.writeHead(200, { ...headers, 'content-length': page.body.length }).end(request.method === 'HEAD' ? undefined : page.body);
  }

  function linkBase(): string {
    const bases = { relative: `${'../'.repeat(base.split('/').length)}`, absolute: `${origin}/`, 'other-host': `${filesUrl}/` };
    return bases[options.links ?? 'other-host'];
  }
}

function metadataOf(file: PypiUpstreamFile): Buffer | undefined {
  switch (file.metadata ?? 'right') {
    case 'missing':
    case 'none':
      return undefined;
    case 'wrong':
      return Buffer.concat([file.file.metadata, Buffer.from('Summary: not what was announced\n')]);
    case 'right':
    case 'unhashed':
      return file.file.metadata;
  }
}

function sendBytes(response: ServerResponse, content: Buffer | object | undefined, contentType: string): void {
  if (content === undefined) {
    response.writeHead(404).end('none');
    return;
  }
  const body = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
  response.writeHead(200, { 'content-type': contentType, 'content-length': body.length }).end(body);
}

function formatFor(format: PageFormat | 'negotiated', accept = '*/*'): PageFormat {
  if (format !== 'negotiated') {
    return format;
  }
  return accept.includes('application/vnd.pypi.simple.v1+json') ? 'json' : 'html';
}

function normalized(name: string): string {
  return name.replace(/[-_.]+/g, '-').toLowerCase();
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`;
}

async function end(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}
