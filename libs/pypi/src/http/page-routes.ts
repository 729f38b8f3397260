import { EncodedDocuments, publicBase, sendDocument } from '@oci-package-proxy/platform';

import { type AcceptedForm, acceptedForm } from '../pages/accepted-form.ts';
import { fileUrlsIn } from '../pages/file-urls.ts';
import { encodeListHtml, encodeProjectHtml } from '../pages/simple-html.ts';
import { encodeListJson, encodeProjectJson } from '../pages/simple-json.ts';
import type { ProjectReader } from '../read/read-port.ts';
import { wantsFresh } from './client-wishes.ts';
import { digested } from './digested-document.ts';
import { cacheHeaders, noProject, READ, readableName, type ReadContext } from './read-context.ts';
import { queryOf, slashesAtEnd } from './request-path.ts';
import type { IndexExchange, Route } from './exchange.ts';

/**
 * Every page is to be asked for again before it is used, which a 304 makes cheap. Anything longer hides what was just uploaded (pip
 * keeps to it since 26.2, uv always has), and what is upstream's may become ours or be yanked at any time; how old upstream's own
 * pages may be is decided where they are fetched.
 */
const POLICY = 'no-cache';
/** Room for a few hundred pages of projects with thousands of files, with their compressed form. */
const CACHE_BYTES = 96 * 2 ** 20;
const VARY = ['Accept', 'Accept-Encoding'];

/** The simple API: PEP 503, 691. `+simple` is where hatch looks for what it has uploaded already, below the upload's address. */
export function pageRoutes(context: ReadContext, reader: Pick<ProjectReader, 'page' | 'names'>): Route<IndexExchange>[] {
  const pages = new Pages(context, reader);
  return ['simple', '+simple', 'legacy/+simple'].flatMap((folder) => [
    { methods: READ, pattern: folder, handler: async (exchange: IndexExchange) => pages.list(exchange) },
    { methods: READ, pattern: `${folder}/:name`, handler: async (exchange: IndexExchange) => pages.project(exchange) },
  ]);
}

class Pages {
  readonly #context: ReadContext;
  readonly #reader: Pick<ProjectReader, 'page' | 'names'>;
  readonly #encoded = new EncodedDocuments(CACHE_BYTES);

  constructor(context: ReadContext, reader: Pick<ProjectReader, 'page' | 'names'>) {
    this.#context = context;
    this.#reader = reader;
  }

  async project(exchange: IndexExchange): Promise<void> {
    const { request, reply, index, path } = exchange;
    const { gate, config, onRead } = this.#context;
    const name = await readableName(exchange, gate);
    if (slashesAtEnd(request.originalUrl) === 0 || exchange.params['name'] !== name) {
      await redirect(exchange, name, cacheHeaders(gate, name, POLICY));
      return;
    }
    const found = await this.#reader.page(index, name, { fresh: wantsFresh(request.headers) });
    if (found === null) {
      throw noProject(exchange, name);
    }
    onRead?.('metadata', 'hit');
    const { form, contentType } = formOf(exchange);
    const base = publicBase(request, config, path);
    const key = JSON.stringify([index.name, name, found.revision, form, base]);
    const encode = form === 'json' ? encodeProjectJson : encodeProjectHtml;
    const page = await this.#encoded.get(key, () => digested(encode(found.page, fileUrlsIn(`${base}/files/${name}`))));
    await sendDocument(reply, request, { ...page, contentType, etag: page.revision, headers: cacheHeaders(gate, name, POLICY, VARY) });
  }

  /** The names of all projects that the caller may read. */
  async list(exchange: IndexExchange): Promise<void> {
    const { request, reply, who, index } = exchange;
    const { gate } = this.#context;
    await gate.authorize(who, 'read', null);
    // What a list holds depends on who asks for it.
    const headers = { 'cache-control': `private, ${POLICY}`, vary: [...VARY, 'Authorization'].join(', ') };
    if (slashesAtEnd(request.originalUrl) === 0) {
      await redirect(exchange, request.originalUrl.includes('+simple') ? '+simple' : 'simple', headers);
      return;
    }
    const all: string[] = [];
    for await (const name of this.#reader.names(index)) {
      all.push(name);
    }
    const names = await gate.readable(who, all.sort(), (name) => name);
    const { form, contentType } = formOf(exchange);
    const bytes = form === 'json' ? encodeListJson(names) : encodeListHtml(names, (name) => `${name}/`);
    const list = digested(bytes);
    const page = await this.#encoded.get(`list ${list.revision}`, () => list);
    await sendDocument(reply, request, { ...page, contentType, etag: page.revision, headers });
  }
}

function formOf({ request }: IndexExchange): AcceptedForm {
  return acceptedForm(request.headers.accept, new URLSearchParams(queryOf(request.originalUrl)).get('format'));
}

/**
 * PEP 503: to the address with a slash at its end, and to the normalized name. It is relative, so that it is right behind whatever
 * stands before us.
 */
async function redirect({ request, reply }: IndexExchange, to: string, headers: Readonly<Record<string, string>>): Promise<void> {
  const up = '../'.repeat(slashesAtEnd(request.originalUrl));
  await reply.code(301).headers(headers).header('location', `${up}${to}/${queryOf(request.originalUrl)}`).send();
}
