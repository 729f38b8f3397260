import { ProxyError } from '@oci-package-proxy/errors';
import { beforeWriting, type LedgerPort, type Origin, type PackageRef } from '@oci-package-proxy/storage';

import type { PypiIndex, PypiIndexes } from '../config/indexes.ts';
import { DEFAULT, mainRef, publishedRef, upstreamRef } from '../model/holdings.ts';
import type { PublishTargets } from '../publish/publish-port.ts';
import type { UpstreamPages } from './upstream-pages.ts';

type IndexUpstream = PypiIndex['upstreams'][number];

/** What {@link PublishTargetChoice} needs. */
export interface PublishTargetChoiceOptions {
  readonly ledger: Pick<LedgerPort, 'fold' | 'decideOrigin'>;
  readonly indexes: PypiIndexes;
  readonly upstreamPages: UpstreamPages;
}

/**
 * Decides where a file is published to. A name that upstream has is not taken over by whoever publishes first: somebody has to
 * declare that it is ours, or that both belong together.
 */
export class PublishTargetChoice implements PublishTargets {
  readonly #options: PublishTargetChoiceOptions;

  constructor(options: PublishTargetChoiceOptions) {
    this.#options = options;
  }

  /** `PublishTargets.targetOf` @throws ProxyError `policy` too, for an index that takes no uploads, or does not show the name. */
  async targetOf(index: PypiIndex, name: string, signal?: AbortSignal): Promise<PackageRef> {
    if (!index.upload || !index.shows(name)) {
      throw new ProxyError('policy', `The index ${index.name} takes no ${index.upload ? `projects called ${name}` : 'uploads'}. Upload to another index.`);
    }
    const main = mainRef(name);
    const { origin } = await beforeWriting(() => this.#options.ledger.fold(main, { fresh: true, signal }));
    if (origin === 'published') {
      return main;
    }
    if (index.merges(name)) {
      return (origin ?? (await this.#decided(index, name, signal))) === 'upstream' ? publishedRef(name) : main;
    }
    if (origin === 'upstream') {
      throw new ProxyError('conflict', `${name} was pulled through from upstream before, and so nothing can be published under this name here. Choose another name, or have it merged in the configuration of this index.`);
    }
    if (await this.#isUpstreams(index, name, signal)) {
      throw new ProxyError('conflict', `Upstream has a project ${name}, and whoever publishes it here would take its place. Choose another name, or have ${name} declared in privateNames, or merged, in the configuration of this server.`);
    }
    return main;
  }

  /** What upstream has stays upstream's, whoever merges it: else its files would be missing where it is not merged. */
  async #decided(index: PypiIndex, name: string, signal: AbortSignal | undefined): Promise<Origin | null> {
    return (await this.#isUpstreams(index, name, signal)) ? this.#options.ledger.decideOrigin(mainRef(name), 'upstream', { signal }) : null;
  }

  async #isUpstreams(index: PypiIndex, name: string, signal: AbortSignal | undefined): Promise<boolean> {
    if (this.#options.indexes.isPrivate(name)) {
      return false;
    }
    const all = this.#options.indexes.all.flatMap(({ upstreams }) => upstreams);
    const asked = new Map([...all.filter(({ id }) => id === DEFAULT), ...index.upstreams].map((upstream) => [upstream.id, upstream]));
    const having = await Promise.all([...asked.values()].map(async (upstream) => this.#has(upstream, name, signal)));
    return having.includes(true);
  }

  /** What one that is switched off has is known only where something of it is held. */
  async #has(upstream: IndexUpstream, name: string, signal: AbortSignal | undefined): Promise<boolean> {
    if (upstream.url !== null) {
      return (await this.#options.upstreamPages.get(upstream, name, { fresh: true, signal })) !== null;
    }
    return upstream.id !== DEFAULT && (await this.#options.ledger.fold(upstreamRef(upstream.id, name), { signal })).facts.size > 0;
  }
}
