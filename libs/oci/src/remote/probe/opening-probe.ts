import { randomBytes } from 'node:crypto';

import { PULL, PUSH } from '../repository-endpoint.ts';
import { challengeOf, challengeText } from './connection-probe.ts';
import { isDenied, isDone, type ProbeSession, type Reply } from './probe-session.ts';
import { EMPTY_BLOB, ScratchRepository, smallManifest } from './scratch-repository.ts';

/** Bytes of a blob that is read back in parts. */
const BLOB_BYTES = 64 * 1024;

/** Where a probe can write. */
export interface Ground {
  readonly main: ScratchRepository;
  /** With a name as deep as any of ours, where that can be. */
  readonly second: ScratchRepository;
  /** A blob that is in `main`. */
  readonly blob: Buffer;
  /** Full names of repositories that are empty and stay. */
  readonly empty: readonly string[];
}

/** `system/probe` and what lies below, in one part where names are flat. */
export function scratchName(flat: boolean, ...parts: readonly string[]): string {
  return ['system', 'probe', ...parts].join(flat ? '-0-' : '/');
}

/** Six parts, as many as the longest of ours. */
const DEEP = ['depth', 'of', 'names', 'six'] as const;

/** Finds out whether and where we may write, by a first push. Null where nothing can be written. */
export async function probeOpening(session: ProbeSession, flatOnly: boolean): Promise<Ground | null> {
  const blob = randomBytes(BLOB_BYTES);
  const nested = new ScratchRepository(scratchName(false), session);
  const flat = new ScratchRepository(scratchName(true), session);
  const main = await firstThatOpens(session, flatOnly ? [flat] : [nested, flat], blob);
  if (main === null) {
    return null;
  }
  const second = await openSecond(session, main);
  return { main, second, blob, empty: await creation(session, main === flat) };
}

async function firstThatOpens(session: ProbeSession, candidates: readonly ScratchRepository[], blob: Buffer): Promise<ScratchRepository | null> {
  const refusals: { readonly name: string; readonly reply: Reply }[] = [];
  for (const scratch of candidates) {
    const isNew = (await scratch.page('tags/list')).status === 404;
    const { reply, location } = await scratch.begin();
    if (location === null) {
      refusals.push({ name: scratch.endpoint.name, reply });
      continue;
    }
    session.found('push', true, `an upload to ${scratch.endpoint.name} may begin`);
    if (refusals.length > 0) {
      session.found('nestedNames', false, refusals.map(({ name, reply: said }) => `an upload to ${name} is answered ${said.said}, and one to ${scratch.endpoint.name} begins`).join('; '));
    }
    await firstPush(session, { scratch, location, blob, isNew });
    await strangers(session, scratch);
    return scratch;
  }
  refused(session, refusals);
  return null;
}

function refused(session: ProbeSession, refusals: readonly { readonly name: string; readonly reply: Reply }[]): void {
  const details = refusals.map(({ name, reply }) => `an upload to ${name} is answered ${reply.said}`).join('; ');
  const missing = refusals.filter(({ reply }) => reply.status === 404);
  if (missing.length > 0) {
    session.found('createsRepositories', false, details);
    session.unknown(['push'], `there is no repository to push to: ${details}`);
  } else if (refusals.every(({ reply }) => isDenied(reply) || reply.status === 405)) {
    session.found('push', false, details);
  }
  session.unknown(['push'], details);
}

interface FirstPush {
  readonly scratch: ScratchRepository;
  readonly location: URL;
  readonly blob: Buffer;
  readonly isNew: boolean;
}

async function firstPush(session: ProbeSession, { scratch, location, blob, isNew }: FirstPush): Promise<void> {
  const uploaded = await scratch.finish(location, blob);
  session.found('uploads', isDone(uploaded), `an upload of ${blob.length} bytes by POST and PUT is answered ${uploaded.said}`);
  await scratch.blob(EMPTY_BLOB);
  const pushed = await scratch.put(`probe-${session.id}-first`, { bytes: smallManifest(`${session.id}-first`) });
  if (isNew && isDone(pushed)) {
    session.found('createsRepositories', true, `a first push made ${scratch.endpoint.name}`);
  }
}

/** Whether others, who show nothing, may write, or read what was written. */
async function strangers(session: ProbeSession, scratch: ScratchRepository): Promise<void> {
  const writing = await session.sendBare(scratch.endpoint, { method: 'POST', path: 'blobs/uploads/', operation: 'beginning an upload without a credential', actions: PUSH });
  await scratch.cancel(writing.status === 202 ? scratch.locationOf(writing) : null);
  session.found('strangersPush', writing.status === 202, `an upload without a credential is answered ${writing.said}`);
  if (writing.status === 401) {
    session.found('authentication', challengeOf(writing), `strangers get /v2/; for a write it ${challengeText(writing)}`);
  } else if (writing.status === 202) {
    session.found('authentication', 'none', 'strangers may write');
  }
  const reading = await session.sendBare(scratch.endpoint, { method: 'GET', path: 'tags/list', operation: 'listing tags without a credential', actions: PULL });
  session.found('strangersPull', reading.status === 200, `a tag list without a credential is answered ${reading.said}`);
}

/** Another repository, of a deep name where the registry has them. */
async function openSecond(session: ProbeSession, main: ScratchRepository): Promise<ScratchRepository> {
  const flat = new ScratchRepository(scratchName(true, 'second'), session);
  if (session.registry.profile.names === 'flat') {
    session.unknown(['nestedNames'], 'it was not tried: storage.capabilities.names is flat');
    return flat;
  }
  const deep = new ScratchRepository(scratchName(false, ...DEEP), session);
  const { reply, location } = await deep.begin();
  await deep.cancel(location);
  if (location !== null) {
    session.found('nestedNames', true, `an upload to ${deep.endpoint.name} may begin`);
  } else if (reply.status === 404 && session.known('createsRepositories') !== true) {
    session.unknown(['nestedNames'], `an upload to ${deep.endpoint.name} is answered ${reply.said}: it would have to be made first`);
  } else {
    session.found('nestedNames', false, `an upload to ${deep.endpoint.name} is answered ${reply.said}, and one to ${main.endpoint.name} begins`);
  }
  return session.known('nestedNames') === true ? deep : flat;
}

/** Where the scratch repository was there already: whether a push to one that is not may begin. @returns what stays of that. */
async function creation(session: ProbeSession, isFlat: boolean): Promise<readonly string[]> {
  if (session.known('createsRepositories') !== null) {
    return [];
  }
  const scratch = new ScratchRepository(scratchName(isFlat, session.id), session);
  const { reply, location } = await scratch.begin();
  await scratch.cancel(location);
  session.found('createsRepositories', location !== null, `an upload to ${scratch.endpoint.name}, which is not there, is answered ${reply.said}`);
  return (await scratch.page('tags/list')).status === 200 ? [scratch.endpoint.name] : [];
}
