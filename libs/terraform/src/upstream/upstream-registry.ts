import { ProxyError, redactUrl } from '@oci-package-proxy/errors';
import type { UpstreamDocument } from '@oci-package-proxy/upstream';

import type { TerraformUpstream } from '../config/hosts.ts';
import { decodeDiscovery, type DiscoveredServices } from '../documents/upstream-discovery.ts';
import { objectOf } from '../documents/upstream-json.ts';
import type { ReadCall } from '../read/read-port.ts';
import { DecodedDocuments } from './decoded-documents.ts';

/** Where services are changes so rarely that nobody waits to hear it again within this time (ms). */
const TRUST_MS = 60 * 60_000;
const JSON_TYPE = /^application\/json *(?:;|$)/i;

/** Where upstream registries have their services: https://developer.hashicorp.com/terraform/internals/remote-service-discovery */
export class UpstreamRegistries {
  readonly #discovery = new DecodedDocuments<DiscoveredServices>({ what: 'discovery document (JSON of type application/json)', accept: 'application/json', decode, trustMs: TRUST_MS });

  /**
   * Where providers are, with a slash at its end; null when the host offers none.
   * @throws ProxyError as `UpstreamDocuments.get`; `upstream-unavailable` too when nothing is there that could say so.
   */
  async providersBase(upstream: TerraformUpstream, call?: ReadCall): Promise<string | null> {
    return (await this.#services(upstream, call)).providers;
  }

  /** Where modules are, with a slash at its end; null when the host offers none. @throws ProxyError as {@link providersBase}. */
  async modulesBase(upstream: TerraformUpstream, call?: ReadCall): Promise<string | null> {
    return (await this.#services(upstream, call)).modules;
  }

  async #services(upstream: TerraformUpstream, call: ReadCall = {}): Promise<DiscoveredServices> {
    const url = `${upstream.url}/.well-known/terraform.json`;
    const found = await this.#discovery.get(upstream, url, call);
    if (found === null) {
      // The operator says that there is a registry: that it answers for nothing must not hide what is held of it.
      throw new ProxyError('upstream-unavailable', `Upstream ${upstream.host} has no discovery document at ${redactUrl(url)}. Check TERRAFORM_UPSTREAM_HOSTS.`);
    }
    return found.value;
  }
}

// Clients insist on the type: what a gateway says of itself is rarely JSON, and then rarely of this one.
function decode(document: UpstreamDocument): DiscoveredServices | null {
  return JSON_TYPE.test(document.contentType.trim()) && objectOf(document) !== null ? decodeDiscovery(document) : null;
}
