import { isDigest } from '../../model/digest.ts';
import { probeBlobReads } from './blob-probe.ts';
import { probeLists, tagsOf } from './list-probe.ts';
import { type ProbeSession, type Reply, statedDigest } from './probe-session.ts';
import type { ScratchRepository } from './scratch-repository.ts';

/** Larger ones are not fetched to try a registry. */
const MAX_BLOB = 8 * 1024 * 1024;
const MAX_TAGS = 40;

/** What can be seen of a repository that somebody else wrote. */
export async function probeSample(session: ProbeSession, sample: ScratchRepository): Promise<void> {
  await probeLists(session, sample, []);
  for (const tag of tagsOf(await sample.page('tags/list')).slice(0, MAX_TAGS)) {
    const [head, get] = [await sample.manifest(tag, 'HEAD'), await sample.manifest(tag)];
    session.found('contentDigest', statedDigest(head) !== null && statedDigest(get) !== null, `HEAD and GET of ${sample.endpoint.name}:${tag}`);
    const digest = smallBlobOf(get);
    if (digest !== null) {
      const blob = await sample.blobBytes(digest);
      await probeBlobReads(session, { scratch: sample, blob });
      return;
    }
  }
  session.unknown(['blobReads', 'blobRanges', 'blobRedirects'], `${sample.endpoint.name} has no blob of a fit size`);
}

/** Large enough to read a part of. */
function smallBlobOf(reply: Reply): string | null {
  try {
    const manifest = JSON.parse(reply.bytes.toString()) as { layers?: readonly { digest?: unknown; size?: unknown }[] } | null;
    const fit = manifest?.layers?.find(({ size }) => typeof size === 'number' && size >= 2_000 && size <= MAX_BLOB);
    return typeof fit?.digest === 'string' && isDigest(fit.digest) ? fit.digest : null;
  } catch {
    return null;
  }
}
