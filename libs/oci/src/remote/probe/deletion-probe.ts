import { digestOf } from '../../model/digest.ts';
import type { ProbedIndex } from './manifest-probe.ts';
import type { Leftover } from './probe-report.ts';
import { isDenied, isDone, type ProbeSession, type Reply } from './probe-session.ts';
import { type ScratchRepository, smallManifest } from './scratch-repository.ts';

/** What can be deleted, and what goes with it. */
export async function probeDeletes(session: ProbeSession, scratch: ScratchRepository): Promise<void> {
  const [one, other, alone] = ['twin', 'other', 'alone'].map((name) => `probe-${session.id}-${name}`) as [string, string, string];
  const bytes = smallManifest(`${session.id}-twins`);
  await scratch.put(one, { bytes });
  await scratch.put(other, { bytes });
  const byTag = await scratch.remove(one);
  permission(session, byTag);
  const gone = isDone(byTag) && (await scratch.manifest(one, 'HEAD')).status === 404;
  forget(scratch, one, gone);
  session.found('deletesTags', gone, `deleting a tag is answered ${byTag.said}${isDone(byTag) && !gone ? ', and it is still there' : ''}`);
  if (gone) {
    const spared = (await scratch.manifest(other, 'HEAD')).status === 200;
    forget(scratch, other, !spared);
    session.found('deleteSparesTags', spared, spared ? 'another tag of the same manifest stays' : 'another tag of the same manifest is gone with it');
  } else {
    session.unknown(['deleteSparesTags'], 'tags cannot be deleted by their names');
  }
  const lone = smallManifest(`${session.id}-alone`);
  await scratch.put(alone, { bytes: lone });
  const byDigest = await scratch.remove(digestOf(lone));
  permission(session, byDigest);
  const removed = isDone(byDigest) && (await scratch.manifest(alone, 'HEAD')).status === 404;
  forget(scratch, alone, removed);
  session.found('deletesDigests', removed, `deleting a manifest by digest is answered ${byDigest.said}${isDone(byDigest) && !removed ? ', and its tag is still there' : ''}`);
}

function permission(session: ProbeSession, reply: Reply): void {
  if (isDone(reply)) {
    session.found('delete', true, `a deletion is answered ${reply.said}`);
  } else if (isDenied(reply)) {
    session.found('delete', false, `a deletion is answered ${reply.said}`);
  }
}

/** Whether a child goes from under its index. */
export async function probeChildDeletion(session: ProbeSession, scratch: ScratchRepository, index: ProbedIndex | null): Promise<void> {
  const child = index?.children[0]?.digest;
  if (child === undefined || session.known('deletesDigests') !== true) {
    session.unknown(['deletesChildren'], child === undefined ? 'there is no index to try it on' : 'manifests cannot be deleted by digest');
    return;
  }
  const reply = await scratch.remove(child);
  const gone = isDone(reply) && (await scratch.manifest(child, 'HEAD')).status === 404;
  if (gone) {
    scratch.untagged.delete(child);
  }
  session.found('deletesChildren', gone, `deleting the child of a tagged index is answered ${reply.said}`);
}

/** Removes what the probe made, as far as the registry lets us: tags before what they may lead to. */
export async function cleanUp(session: ProbeSession, scratch: ScratchRepository): Promise<void> {
  const [byTag, byDigest] = [session.known('deletesTags') === true, session.known('deletesDigests') === true];
  for (const [tag, digest] of [...scratch.tags]) {
    const untagged = byTag && isGone(await scratch.remove(tag));
    const removed = byDigest && isGone(await scratch.remove(digest));
    forget(scratch, tag, untagged || removed);
  }
  for (const digest of byDigest ? [...scratch.untagged] : []) {
    if (isGone(await scratch.remove(digest))) {
      scratch.untagged.delete(digest);
    }
  }
}

/** What is still there of what the probe made. */
export function leftoverOf({ tags, untagged, endpoint }: ScratchRepository): Leftover | null {
  return tags.size + untagged.size === 0 ? null : { repository: endpoint.name, tags: [...tags.keys()], untagged: untagged.size };
}

function isGone(reply: Reply): boolean {
  return isDone(reply) || reply.status === 404;
}

function forget(scratch: ScratchRepository, tag: string, gone: boolean): void {
  if (gone) {
    scratch.tags.delete(tag);
  }
}
