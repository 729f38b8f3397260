import { type Digest, digestOf } from '../../model/digest.ts';
import { pause } from '../http/abort.ts';
import type { Ground } from './opening-probe.ts';
import { isDone, type ProbeSession, type Reply } from './probe-session.ts';
import { EMPTY_BLOB, type ScratchRepository, smallManifest } from './scratch-repository.ts';

/** In an order that is neither that of names nor its reverse. */
const SUFFIXES = ['m', 'c', 'x', 'a', 'q'] as const;
const RIVALS = 6;
/** How long a tag that is not shown is waited for. */
const LAG_MS = 5_000;
const POLL_MS = 250;

/** Puts tags and looks at once, by name and in the list. */
export async function probeOwnWrites(session: ProbeSession, { main }: Ground): Promise<void> {
  const late: string[] = [];
  for (const suffix of SUFFIXES) {
    const tag = `probe-${session.id}-${suffix}`;
    const put = await main.put(tag, { bytes: smallManifest(tag) });
    if (!isDone(put)) {
      session.unknown(['readsItsWrites'], `a put of a tag is answered ${put.said}`);
      return;
    }
    const read = await main.manifest(tag, 'HEAD');
    const listed = (await main.list()).includes(tag);
    if (read.status !== 200 || !listed) {
      late.push(await lateness(session, { scratch: main, tag, where: read.status === 200 ? 'in the list' : 'by its name' }));
    }
  }
  const details = late.length === 0 ? `${SUFFIXES.length} of ${SUFFIXES.length} tags were read and listed right after their put` : `${late.length} of ${SUFFIXES.length} tags were not shown right after their put: ${late[0] ?? ''}`;
  session.found('readsItsWrites', late.length === 0, details);
}

async function lateness(session: ProbeSession, { scratch, tag, where }: { readonly scratch: ScratchRepository; readonly tag: string; readonly where: string }): Promise<string> {
  const begun = performance.now();
  while (performance.now() - begun < LAG_MS) {
    await pause(POLL_MS, session.signal, 'waiting for a tag');
    if ((await scratch.manifest(tag, 'HEAD')).status === 200 && (await scratch.list()).includes(tag)) {
      return `one was not there ${where}, and came ${((performance.now() - begun) / 1000).toFixed(1)} s later`;
    }
  }
  return `one was not there ${where}, nor after ${LAG_MS / 1000} s`;
}

/** Several first puts at once, into a repository that has none before. */
export async function probeRivals(session: ProbeSession, { second }: Ground): Promise<void> {
  const isNew = (await second.list()).length === 0;
  await second.blob(EMPTY_BLOB);
  const tags = Array.from({ length: RIVALS }, (_none, number) => `probe-${session.id}-${number}`);
  const puts = await Promise.all(tags.map((tag) => second.put(tag, { bytes: smallManifest(tag) })));
  const refused = puts.find((reply) => !isDone(reply));
  if (refused !== undefined) {
    session.unknown(['keepsConcurrentTags'], `one of ${RIVALS} puts at once is answered ${refused.said}`);
    return;
  }
  const lost = await missingOf(session, { scratch: second, tags });
  const what = `${RIVALS} tags put at the same moment into ${isNew ? 'a repository that had none' : second.endpoint.name}`;
  session.found('keepsConcurrentTags', lost.length === 0, lost.length === 0 ? `${what} are all there` : `of ${what}, all answered 201, ${lost.length} ${lost.length === 1 ? 'is' : 'are'} gone`);
}

async function missingOf(session: ProbeSession, { scratch, tags }: { readonly scratch: ScratchRepository; readonly tags: readonly string[] }): Promise<readonly string[]> {
  const begun = performance.now();
  for (;;) {
    const listed = new Set(await scratch.list());
    const missing = tags.filter((tag) => !listed.has(tag));
    if (missing.length === 0 || performance.now() - begun > LAG_MS) {
      return missing;
    }
    // A list that is late is another finding than a tag that is lost.
    await pause(POLL_MS, session.signal, 'waiting for tags');
  }
}

/** Whether tags can be put again: ordinary ones, and those that we rewrite. */
export async function probeReplacing(session: ProbeSession, { main }: Ground): Promise<void> {
  const own = await putTwice(session, { scratch: main, tag: `probe-${session.id}-twice` });
  note(session, 'replacesTags', [['a tag', own]]);
  const derived: (readonly [string, Replaced])[] = [];
  for (const tag of ['_snapshot', '_upstream']) {
    derived.push([tag, await putTwice(session, { scratch: main, tag })]);
  }
  note(session, 'replacesDerivedTags', derived);
}

interface Replaced {
  readonly first: Reply;
  readonly second: Reply;
  readonly shows: 'first' | 'second' | 'neither';
}

async function putTwice(session: ProbeSession, { scratch, tag }: { readonly scratch: ScratchRepository; readonly tag: string }): Promise<Replaced> {
  const [one, two] = ['1', '2'].map((turn) => smallManifest(`${session.id}-${tag}-${turn}`)) as [Buffer, Buffer];
  const first = await scratch.put(tag, { bytes: one });
  const second = await scratch.put(tag, { bytes: two });
  const read = await scratch.manifest(tag);
  const digest = read.status === 200 ? digestOf(read.bytes) : '';
  const shown = new Map([[digestOf(one), 'first'], [digestOf(two), 'second']] as const).get(digest as Digest);
  return { first, second, shows: shown ?? 'neither' };
}

function note(session: ProbeSession, topic: 'replacesTags' | 'replacesDerivedTags', tries: readonly (readonly [string, Replaced])[]): void {
  const said = tries.map(([tag, { first, second, shows }]) => `${tag} put twice: ${first.said}, ${second.said}, and then it shows the ${shows === 'neither' ? 'one nor the other' : shows}`).join('; ');
  // Where an earlier probe's tag may not be replaced, the first put fails too.
  session.found(topic, tries.every(([, { shows }]) => shows === 'second'), said);
}
