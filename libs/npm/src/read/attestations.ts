import { ProxyError } from '@oci-package-proxy/errors';
import type { LedgerReader, PackageRef } from '@oci-package-proxy/storage';

import { isObject, member, textMember } from '../documents/packument.ts';
import { bundleLayer } from '../npm-fact.ts';
import { versionTagOrNull } from '../package-name.ts';
import type { PrivateNames } from '../private-names.ts';
import type { UpstreamPackuments } from './upstream-packuments.ts';

const MAX_BUNDLE_BYTES = 8 * 2 ** 20;

/** What {@link Attestations} needs. */
export interface AttestationsOptions {
  readonly ledger: Pick<LedgerReader, 'fold' | 'fact' | 'open'>;
  /** Null: switched off. */
  readonly upstream: UpstreamPackuments | null;
  readonly isPrivate: PrivateNames;
}

/** Attestations of versions: those that were published here, and upstream's for what is upstream's. */
export class Attestations {
  readonly #options: AttestationsOptions;

  constructor(options: AttestationsOptions) {
    this.#options = options;
  }

  /**
   * The document of a version's attestations; null when it has none.
   * @throws ProxyError as the ledger and upstream do; `storage-unavailable` for a bundle that storage has lost,
   * `upstream-unavailable` for an answer of upstream's that is no JSON.
   */
  async of(ref: PackageRef, version: string): Promise<unknown> {
    const { ledger, upstream, isPrivate } = this.#options;
    const tag = versionTagOrNull(version);
    const fact = tag === null ? null : await ledger.fact(ref, tag);
    const layer = fact === null ? null : bundleLayer(fact);
    if (layer !== null && layer.size <= MAX_BUNDLE_BYTES) {
      const body = await ledger.open(ref, layer);
      if (body === null) {
        throw new ProxyError('storage-unavailable', `${ref.name}@${version}: storage has lost its attestations. Restore them from a backup of the registry.`);
      }
      return documentOf(await textOf(body.stream));
    }
    const { origin } = await ledger.fold(ref);
    if (origin === 'published' || upstream === null || isPrivate(ref.name)) {
      return null;
    }
    const document = await upstream.attestations(ref.name, version, {});
    const attestations = document === null ? null : parsed(document.bytes.toString('utf8'));
    if (document !== null && attestations === null) {
      throw new ProxyError('upstream-unavailable', `Reading the attestations of ${ref.name}@${version} from upstream: what it answered is no JSON. Check NPM_UPSTREAM_URL.`);
    }
    return attestations;
  }
}

/** https://github.com/npm/api-documentation: a list of bundles with their kinds. */
function documentOf(bundleText: string): unknown {
  const bundle = parsed(bundleText);
  const envelope = isObject(bundle) ? member(bundle, 'dsseEnvelope') : undefined;
  const payload = isObject(envelope) ? textMember(envelope, 'payload') : undefined;
  const statement = payload === undefined ? undefined : parsed(Buffer.from(payload, 'base64').toString('utf8'));
  const predicateType = isObject(statement) ? textMember(statement, 'predicateType') : undefined;
  return predicateType === undefined ? null : { attestations: [{ predicateType, bundle }] };
}

async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
