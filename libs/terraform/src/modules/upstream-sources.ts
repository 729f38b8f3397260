import { LRUCache } from 'lru-cache';

import { isProxyError, ProxyError, redactUrl } from '@oci-package-proxy/errors';
import type { UpstreamResponse } from '@oci-package-proxy/upstream';

import type { TerraformUpstream } from '../config/hosts.ts';
import { objectOf, textOf } from '../documents/upstream-json.ts';
import type { ReadCall } from '../read/read-port.ts';
import { asUpstreamFailure, isUpstreamFailure } from '../upstream/upstream-failure.ts';
import { SharedFlights } from './shared-flights.ts';

/** How long (ms) an address is not asked for again. It may be signed for some minutes. */
const TRUST_MS = 60_000;
/** How old (ms) an address may be that stands in for the one of an upstream that cannot be asked. */
const MAX_STALE_MS = 7 * 86_400_000;
/** The longest that one fetch may take (ms), whoever waits for it. */
const FETCH_MS = 30_000;
const MAX_ADDRESSES = 10_000;
const MAX_BODY_BYTES = 256 * 1024;

interface Known {
  readonly address: string;
  /** When upstream said it, ms since the epoch. */
  readonly at: number;
}

/**
 * The addresses of module versions, as upstream's `…/:version/download` says them: in a header, or in a document.
 * https://developer.hashicorp.com/terraform/internals/module-registry-protocol
 */
export class UpstreamSources {
  readonly #known = new LRUCache<string, Known>({ max: MAX_ADDRESSES, ttl: MAX_STALE_MS });
  readonly #flights = new SharedFlights<string | null>();

  /**
   * The go-getter address that upstream answers a `download` URL with, made absolute; null when it has no such version.
   * @throws ProxyError as `Upstream.get`; `upstream-unavailable` too for an answer that says no address.
   */
  async get(upstream: TerraformUpstream, url: string, { signal, fresh = false }: ReadCall = {}): Promise<string | null> {
    const known = this.#known.get(`${upstream.host} ${url}`);
    if (known !== undefined && !fresh && Date.now() - known.at < TRUST_MS) {
      return known.address;
    }
    try {
      return await this.#flights.join(`${upstream.host} ${url}`, async () => this.#ask(upstream, url), { signal, subject: `fetching ${redactUrl(url)}` });
    } catch (error) {
      // Who is not patient any more is served with what there is, too.
      if (known !== undefined && (isUpstreamFailure(error) || isProxyError(error, 'aborted'))) {
        return known.address;
      }
      throw error;
    }
  }

  async #ask(upstream: TerraformUpstream, url: string): Promise<string | null> {
    const key = `${upstream.host} ${url}`;
    const answer = await asked(upstream, url);
    if (answer.status === 404 || answer.status === 410) {
      answer.body.destroy();
      this.#known.delete(key);
      return null;
    }
    const address = await addressIn(answer);
    if (address === '') {
      throw new ProxyError('upstream-unavailable', `fetching ${redactUrl(url)}: ${upstream.host} answered ${answer.status} and not where the module is. Check the URL of the upstream, and what stands before it.`);
    }
    const absolute = absoluteAddress(address, url);
    this.#known.set(key, { address: absolute, at: Date.now() });
    return absolute;
  }
}

async function asked({ http }: TerraformUpstream, url: string): Promise<UpstreamResponse> {
  try {
    return await http.get({ url, headers: { accept: 'application/json' }, signal: AbortSignal.timeout(FETCH_MS) });
  } catch (error) {
    // Nobody who waits can abort what all wait for.
    throw isProxyError(error, 'aborted')
      ? new ProxyError('upstream-unavailable', `fetching ${redactUrl(url)}: no answer in time. Look at the upstream's health.`, { cause: error })
      : asUpstreamFailure(error);
  }
}

/** Empty where there is none. Terraform reads the header alone, OpenTofu the document first: who says both says the same. */
async function addressIn({ status, headers, body }: UpstreamResponse): Promise<string> {
  const header = (headers['x-terraform-get'] ?? '').trim();
  if ((status !== 200 && status !== 204) || header !== '') {
    body.destroy();
    return status === 200 || status === 204 ? header : '';
  }
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > MAX_BODY_BYTES) {
        return '';
      }
      chunks.push(chunk);
    }
  } catch {
    return '';
  } finally {
    body.destroy();
  }
  return textOf(objectOf({ bytes: Buffer.concat(chunks) })?.['location']).trim();
}

/** Only what begins like a path is one: https://developer.hashicorp.com/terraform/internals/module-registry-protocol#download-source-code-for-a-specific-module-version */
function absoluteAddress(address: string, url: string): string {
  return /^\.{0,2}\//.test(address) ? (URL.parse(address, url)?.href ?? address) : address;
}
