import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';

import { sendJson } from './terraform-upstream-bytes.ts';
import { FaultList } from './terraform-upstream-fault.ts';
import { sendForgeArchive } from './terraform-upstream-forge.ts';
import type { TerraformUpstream, TerraformUpstreamOptions, TerraformUpstreamRequest, UpstreamView } from './terraform-upstream-model.ts';
import { sendModule } from './terraform-upstream-modules.ts';
import { sendDownload, sendProvider } from './terraform-upstream-providers.ts';

/** Starts an upstream that has nothing yet. */
export async function startTerraformUpstream(options: TerraformUpstreamOptions = {}): Promise<TerraformUpstream> {
  const log: TerraformUpstreamRequest[] = [];
  const requests: string[] = [];
  const faults = new FaultList();
  const serverOf = async (host: 'registry' | 'files'): Promise<Server> => {
    const take = (request: IncomingMessage, response: ServerResponse): void => {
      requests.push(request.url ?? '');
      log.push({ host, method: request.method ?? '', path: request.url ?? '', headers: request.headers });
      response.on('error', () => undefined);
      answer(host, request, response).catch(() => response.destroy());
    };
    return options.authority === undefined ? createServer(take) : createTlsServer(await options.authority.certificate(), take);
  };
  const [registry, files] = [await serverOf('registry'), await serverOf('files')];
  const scheme = options.authority === undefined ? 'http' : 'https';
  const host = await listen(registry);
  const upstream: TerraformUpstream = {
    url: `${scheme}://${host}`,
    host,
    filesUrl: `${scheme}://${await listen(files)}`,
    requests,
    log,
    providers: new Map(),
    modules: new Map(),
    repositories: new Map(),
    put: (provider) => void upstream.providers.set(`${provider.namespace}/${provider.type}`, provider),
    putModule: (module) => void upstream.modules.set(`${module.namespace}/${module.name}/${module.system}`, module),
    putCommit: (repository, ref, content) => {
      upstream.repositories.set(repository, new Map(upstream.repositories.get(repository)).set(ref, content));
    },
    fail: (path, how, times = Infinity) => faults.add({ path, how, times }),
    mode: 'up',
    close: async () => {
      await Promise.all([end(registry), end(files)]);
    },
  };
  const view: UpstreamView = { upstream, links: options.links ?? 'other-host' };
  return upstream;

  async function answer(host: 'registry' | 'files', request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (upstream.mode === 'hang') {
      return;
    }
    if (upstream.mode === 'drop') {
      request.socket.destroy();
      return;
    }
    if (upstream.mode === 'error') {
      response.writeHead(503).end('down for a test');
      return;
    }
    const path = decodeURIComponent((request.url ?? '').replace(/\?.*$/, ''));
    const fault = faults.take(path);
    if (fault !== null && !fault.touchesBytes) {
      fault.answer(request, response);
      return;
    }
    // Files are on both ports, so that relative links work.
    const sent =
      (host === 'registry' && (sendDiscovery(path, response) || sendProvider(view, path, response) || sendModule(view, path, response))) ||
      (await sendDownload(view, { path, request, response, fault })) ||
      sendForgeArchive(view, { path, request, response, fault });
    if (!sent) {
      sendJson(response, { errors: ['Not Found'] }, 404);
    }
  }

  function sendDiscovery(path: string, response: ServerResponse): boolean {
    if (path !== '/.well-known/terraform.json') {
      return false;
    }
    const all = { 'providers.v1': '/v1/providers/', 'modules.v1': '/v1/modules/', ...options.discovery };
    sendJson(response, Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null)));
    return true;
  }
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return `127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`;
}

async function end(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}
