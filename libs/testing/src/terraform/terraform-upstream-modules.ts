import type { ServerResponse } from 'node:http';

import { sendJson } from './terraform-upstream-bytes.ts';
import type { TerraformUpstream, UpstreamModule, UpstreamModuleVersion, UpstreamView } from './terraform-upstream-model.ts';

/** Answers `versions` and `download` of `modules.v1`. @returns whether the path is one of them. */
export function sendModule({ upstream }: UpstreamView, path: string, response: ServerResponse): boolean {
  const [, key = '', rest = ''] = /^\/v1\/modules\/([^/]+\/[^/]+\/[^/]+)\/(.+)$/.exec(path) ?? [];
  const module = upstream.modules.get(key);
  if (module === undefined) {
    return false;
  }
  if (rest === 'versions') {
    sendJson(response, { modules: [{ source: key, versions: module.versions.map(({ version }) => ({ version, root: {}, submodules: [] })) }] });
    return true;
  }
  const wanted = module.versions.find(({ version }) => rest === `${version}/download`);
  if (wanted === undefined) {
    return false;
  }
  sendLocation(wanted.answer ?? 'header', locationOf(upstream, module, wanted), response);
  return true;
}

function sendLocation(answer: 'header' | 'body' | 'both', location: string, response: ServerResponse): void {
  if (answer !== 'body') {
    response.setHeader('x-terraform-get', location);
  }
  if (answer === 'header') {
    response.writeHead(204).end();
    return;
  }
  sendJson(response, { location });
}

function locationOf(upstream: TerraformUpstream, module: UpstreamModule, { version, at }: UpstreamModuleVersion): string {
  if ('location' in at) {
    return at.location;
  }
  if ('archive' in at) {
    return `${upstream.filesUrl}/module-archives/${module.namespace}/${module.name}/${module.system}/${version}/${at.archive.filename}`;
  }
  return `git::${upstream.filesUrl}/${at.repository}${at.subdirectory === undefined ? '' : `//${at.subdirectory}`}?ref=${at.ref}`;
}
