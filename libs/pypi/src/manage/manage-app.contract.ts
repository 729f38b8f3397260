import { All, Controller, Module, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import type { Access } from '@oci-package-proxy/access';
import { ProxyError } from '@oci-package-proxy/errors';
import { createHttpApp, createLogger, Gate, listenHttp, RouteTable } from '@oci-package-proxy/platform';

import { pathParts } from '../http/request-path.ts';
import { ECOSYSTEM } from '../model/holdings.ts';
import { manageRoutes, type ManageRoutesOptions } from './manage-routes.ts';

const BASE = '/api/v1/pypi';

/** An answer of {@link ManageApp}. */
export interface ManageAnswer {
  readonly status: number;
  readonly type: string | null;
  readonly body: unknown;
}

/** The management API on a free port. */
export interface ManageApp {
  /** @param path below `<root>/api/v1/pypi/`. @param type of the body; null for none. */
  ask(method: string, path: string, how?: { readonly token?: string; readonly body?: string; readonly type?: string | null }): Promise<ManageAnswer>;
  close(): Promise<void>;
}

/** Starts a {@link ManageApp}. */
export async function startManageApp(access: Access, options: Omit<ManageRoutesOptions, 'gate'>): Promise<ManageApp> {
  const gate = new Gate({ access, config: { trustedProxies: [] }, ecosystem: ECOSYSTEM });
  const table = new RouteTable(manageRoutes({ ...options, gate }));

  @Controller(BASE)
  class Manage {
    @All('*')
    async all(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
      const found = table.find(request.method, pathParts(request.originalUrl, BASE));
      const who = await gate.authenticate(request);
      if (found === null) {
        throw new ProxyError('not-found', 'There is nothing here.');
      }
      await found.route.handler({ request, reply, who, params: found.params });
    }
  }
  @Module({ controllers: [Manage] })
  class ManageModule {}

  const logger = createLogger({ name: 'spec', level: 'fatal', destination: { write: () => undefined } });
  const app = await createHttpApp(ManageModule, { config: { basePath: '', instanceId: 'spec' }, logger, mounts: [] });
  const { port } = await listenHttp(app, { host: '127.0.0.1', port: 0 });
  return {
    ask: async (method, path, { token, body, type = 'application/json' } = {}) => {
      const headers = { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...(body === undefined || type === null ? {} : { 'content-type': type }) };
      // A buffer, so that nobody makes up a type.
      const response = await fetch(`http://127.0.0.1:${port}${BASE}/${path}`, { method, headers, ...(body === undefined ? {} : { body: Buffer.from(body) }) });
      const text = await response.text();
      return { status: response.status, type: response.headers.get('content-type'), body: text === '' ? null : JSON.parse(text) };
    },
    close: async () => app.close(),
  };
}
