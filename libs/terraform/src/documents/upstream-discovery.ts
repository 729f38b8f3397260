import type { UpstreamDocument } from '@oci-package-proxy/upstream';

import { objectOf, webUrlOf } from './upstream-json.ts';

/** Where a registry's services are: absolute URLs that end in a slash. */
export interface DiscoveredServices {
  /** Null: not offered. */
  readonly providers: string | null;
  readonly modules: string | null;
}

/** What an upstream's `/.well-known/terraform.json` says; both null for what is no such document. */
export function decodeDiscovery(document: Pick<UpstreamDocument, 'bytes' | 'url'>): DiscoveredServices {
  const services = objectOf(document);
  return { providers: baseOf(services?.['providers.v1'], document.url), modules: baseOf(services?.['modules.v1'], document.url) };
}

function baseOf(value: unknown, url: string): string | null {
  const base = URL.parse(webUrlOf(value, url) ?? '');
  if (base === null) {
    return null;
  }
  // What it has as query is for nobody: clients resolve the path of each document against it.
  base.search = '';
  base.pathname = base.pathname.endsWith('/') ? base.pathname : `${base.pathname}/`;
  return base.href;
}
