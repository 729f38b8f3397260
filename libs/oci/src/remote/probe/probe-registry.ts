import { randomBytes } from 'node:crypto';

import type { RemoteRegistry } from '../remote-registry.ts';
import { PULL } from '../repository-endpoint.ts';
import { probeBlobReads, probeChunks, probeMount } from './blob-probe.ts';
import { probeConnection, probeCredential, probeMissing } from './connection-probe.ts';
import { cleanUp, leftoverOf, probeChildDeletion, probeDeletes } from './deletion-probe.ts';
import { probeLists } from './list-probe.ts';
import { probeArtifacts, probeIndexes, probeManifestSizes, type ProbedIndex } from './manifest-probe.ts';
import { type Ground, probeOpening, scratchName } from './opening-probe.ts';
import type { Leftover, ProbeReport, ProbeTopic } from './probe-report.ts';
import { OVER, ProbeSession, type Reply } from './probe-session.ts';
import { recognise } from './product-signs.ts';
import { probeSample } from './sample-probe.ts';
import { ScratchRepository } from './scratch-repository.ts';
import { probeOwnWrites, probeReplacing, probeRivals } from './tag-probe.ts';

const DEADLINE_MS = 180_000;
/** To clean up after it. */
const CLEANUP_MS = 30_000;
/** No blob has it; only to ask. */
const ZERO_DIGEST = `sha256:${'0'.repeat(64)}`;

/** How a registry is probed. */
export interface ProbeOptions {
  /** Asks for what can be read only; much stays unknown. */
  readonly readOnly?: boolean;
  /** A repository with tags, below the prefix, that is read where nothing may be written. */
  readonly sample?: string;
  /** For the whole probe, in ms, without its cleaning up (30 s at most); default 3 minutes. */
  readonly deadlineMs?: number;
  /** Hears what is being looked at. */
  readonly progress?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Finds out by requests what a registry does: in `system/probe` and below, where it writes some small tags and three larger
 * manifests, and removes them again as far as the registry lets it. What cannot be found out is unknown, with the reason; it never waits
 * longer than its deadline.
 * @throws ProxyError `aborted` when the caller gave up; what was written stays then.
 */
export async function probeRegistry(registry: RemoteRegistry, options: ProbeOptions = {}): Promise<ProbeReport> {
  const deadline = AbortSignal.timeout(options.deadlineMs ?? DEADLINE_MS);
  const session = new ProbeSession({ registry, id: randomBytes(4).toString('hex'), caller: options.signal, deadline });
  const run = new Probe(session, options);
  const why = await run.look();
  return { host: registry.endpoint(scratchName(false)).client.registry.host, readOnly: options.readOnly === true, findings: session.findings(why), leftovers: run.leftovers };
}

class Probe {
  readonly leftovers: Leftover[] = [];
  readonly #session: ProbeSession;
  readonly #options: ProbeOptions;
  readonly #flat: boolean;

  constructor(session: ProbeSession, options: ProbeOptions) {
    this.#session = session;
    this.#options = options;
    this.#flat = session.registry.profile.names === 'flat';
  }

  /** @returns why the rest is unknown. */
  async look(): Promise<string> {
    const session = this.#session;
    const scratch = new ScratchRepository(scratchName(this.#flat), session);
    let stranger: Reply | null = null;
    await this.#step('the connection', ['reachable'], async () => {
      stranger = await probeConnection(session, scratch);
    });
    if (stranger === null) {
      return 'the registry cannot be reached';
    }
    const why = await this.#lookInside(scratch);
    await this.#step('the product', ['product'], () => recognise(session, stranger));
    return session.isOver ? OVER : why;
  }

  async #lookInside(scratch: ScratchRepository): Promise<string> {
    const session = this.#session;
    await this.#step('the credential', ['credential', 'latencyMs'], () => probeCredential(session, scratch));
    if (session.known('credential') !== true) {
      return 'the registry does not take our credential';
    }
    const missing = new ScratchRepository(scratchName(this.#flat, session.id), session);
    await this.#step('reading', ['pull', 'missingRepository'], () => probeMissing(session, { scratch, missing }));
    const written = this.#options.readOnly === true ? null : await this.#write();
    const sample = this.#options.sample === undefined ? null : new ScratchRepository(this.#options.sample, session);
    if (written === null && sample !== null) {
      await this.#step('what is stored', [], () => probeSample(session, sample));
    }
    await this.#step('referrers', ['referrers'], () => this.#referrers(written?.main ?? sample));
    return this.#options.readOnly === true ? 'it cannot be found out by reading alone' : 'nothing could be written';
  }

  /** Everything that needs a write, and its removal. */
  async #write(): Promise<Ground | null> {
    const session = this.#session;
    let ground: Ground | null = null;
    await this.#step('writing', ['push', 'createsRepositories', 'nestedNames', 'uploads'], async () => {
      ground = await probeOpening(session, this.#flat);
    });
    const opened = ground as Ground | null;
    if (opened === null) {
      return null;
    }
    await this.#tryAll(opened);
    await this.#cleanUp(opened);
    return opened;
  }

  async #tryAll(ground: Ground): Promise<void> {
    const session = this.#session;
    const { main } = ground;
    let index: ProbedIndex | null = null;
    await this.#step('tags after their put', ['readsItsWrites'], () => probeOwnWrites(session, ground));
    await this.#step('tag lists', ['tagPages', 'tagOrder'], () => probeLists(session, main, [...main.tags.keys()]));
    await this.#step('rival puts', ['keepsConcurrentTags'], () => probeRivals(session, ground));
    await this.#step('replacing tags', ['replacesTags', 'replacesDerivedTags'], () => probeReplacing(session, ground));
    await this.#step('manifests', ['artifacts', 'contentDigest'], () => probeArtifacts(session, ground));
    await this.#step('indexes', ['indexes'], async () => {
      index = await probeIndexes(session, ground);
    });
    await this.#step('large manifests', ['largestManifest'], () => probeManifestSizes(session, ground));
    await this.#step('reading blobs', ['blobReads', 'blobRanges', 'blobRedirects'], () => probeBlobReads(session, { scratch: main, blob: ground.blob }));
    await this.#step('uploads in chunks', ['chunkedUploads', 'minChunkBytes'], () => probeChunks(session, ground));
    await this.#step('mounts', ['mounts'], () => probeMount(session, ground));
    await this.#step('deletions', ['deletesTags', 'deletesDigests', 'deleteSparesTags', 'delete'], () => probeDeletes(session, main));
    session.unknown(['delete'], 'the registry deletes nothing, whoever asks');
    await this.#step('deleting children of indexes', ['deletesChildren'], () => probeChildDeletion(session, main, index));
  }

  /** In a time of its own: a probe that ran into its deadline leaves no more than others. */
  async #cleanUp({ main, second, empty }: Ground): Promise<void> {
    this.#options.progress?.('removing what was written');
    await this.#session.tidy(CLEANUP_MS, async () => {
      await cleanUp(this.#session, main);
      await cleanUp(this.#session, second);
    });
    const left = [leftoverOf(main), leftoverOf(second), ...empty.map((repository) => ({ repository, tags: [], untagged: 0 }))];
    this.leftovers.push(...left.filter((leftover) => leftover !== null));
  }

  async #referrers(scratch: ScratchRepository | null): Promise<void> {
    if (scratch === null) {
      this.#session.unknown(['referrers'], 'there is no repository to ask for them');
      return;
    }
    const reply = await this.#session.send(scratch.endpoint, { method: 'GET', path: `referrers/${ZERO_DIGEST}`, headers: { accept: 'application/json' }, operation: 'listing referrers', actions: PULL });
    const isIndex = reply.status === 200 && !reply.foreign && reply.bytes.toString().includes('"manifests"');
    this.#session.found('referrers', isIndex, `the referrers of a digest are answered ${reply.said}${reply.foreign ? ' by another host' : ''}`);
  }

  async #step(name: string, topics: readonly ProbeTopic[], work: () => Promise<void>): Promise<void> {
    this.#options.progress?.(`looking at ${name}`);
    await this.#session.step(topics, work);
  }
}
