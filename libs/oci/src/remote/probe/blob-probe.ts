import { randomBytes } from 'node:crypto';

import { digestOf } from '../../model/digest.ts';
import { headerText } from '../http/exchange.ts';
import { PULL, PUSH } from '../repository-endpoint.ts';
import type { Ground } from './opening-probe.ts';
import { isDone, type ProbeSession, type Reply } from './probe-session.ts';
import type { ScratchRepository } from './scratch-repository.ts';

const MIB = 2 ** 20;
/** More than this a probe does not send as one chunk. */
const MAX_CHUNK = 16 * MIB;

/** Reads a blob that is there: HEAD, whole, a part, and from where. */
export async function probeBlobReads(session: ProbeSession, { scratch, blob }: { readonly scratch: ScratchRepository; readonly blob: Buffer }): Promise<void> {
  const digest = digestOf(blob);
  const head = await readBlob(session, scratch, { digest, method: 'HEAD' });
  const whole = await readBlob(session, scratch, { digest });
  const said = headerText(head.headers, 'content-length');
  const right = head.status === 200 && said === String(blob.length) && whole.status === 200 && whole.bytes.equals(blob);
  session.found('blobReads', right, right ? 'HEAD says the size, GET sends the bytes' : `HEAD is answered ${head.said} with Content-Length ${said ?? 'missing'}; GET ${whole.said} with ${whole.bytes.length} of ${blob.length} bytes`);
  session.found('blobRedirects', whole.foreign, whole.foreign ? `blobs come from ${whole.url.host}, which gets no credential of ours` : 'the registry sends blobs itself');
  const [start, end] = [1_000, 1_999];
  const part = await readBlob(session, scratch, { digest, range: `bytes=${start}-${end}` });
  const cut = part.status === 206 && part.bytes.equals(blob.subarray(start, end + 1));
  session.found('blobRanges', cut, `GET of ${end - start + 1} bytes is answered ${part.said} with ${part.bytes.length} bytes`);
}

async function readBlob(session: ProbeSession, scratch: ScratchRepository, { digest, method = 'GET', range }: { readonly digest: string; readonly method?: 'GET' | 'HEAD'; readonly range?: string }): Promise<Reply> {
  return session.send(scratch.endpoint, { method, path: `blobs/${digest}`, headers: range === undefined ? {} : { range }, operation: 'reading a blob', actions: PULL });
}

/** A blob in two chunks, read back: some registries lose all but the first, with a 201. */
export async function probeChunks(session: ProbeSession, { main }: Ground): Promise<void> {
  const { reply, location } = await main.begin();
  if (location === null) {
    session.unknown(['chunkedUploads', 'minChunkBytes'], `beginning an upload is answered ${reply.said}`);
    return;
  }
  const least = Number(headerText(reply.headers, 'oci-chunk-min-length') ?? '0');
  session.found('minChunkBytes', Number.isSafeInteger(least) ? least : 0, least > 0 ? 'OCI-Chunk-Min-Length says so' : 'it asks for none');
  if (!(least <= MAX_CHUNK)) {
    await main.cancel(location);
    session.unknown(['chunkedUploads'], `its chunks must be ${least} bytes, more than a probe sends`);
    return;
  }
  const chunks = [randomBytes(Math.max(least, MIB)), randomBytes(1024)];
  const refusal = await sendChunks(session, { scratch: main, location, chunks });
  if (refusal !== null) {
    session.found('chunkedUploads', false, refusal);
    return;
  }
  const bytes = Buffer.concat(chunks);
  const head = await readBlob(session, main, { digest: digestOf(bytes), method: 'HEAD' });
  const size = headerText(head.headers, 'content-length');
  const whole = head.status === 200 && size === String(bytes.length);
  session.found('chunkedUploads', whole, whole ? `${bytes.length} bytes in two chunks arrived` : `${bytes.length} bytes in two chunks were taken, and are not there afterwards: HEAD is answered ${head.said}, ${size ?? 'no'} bytes`);
}

/** @returns what was refused, or null. */
async function sendChunks(session: ProbeSession, upload: { readonly scratch: ScratchRepository; readonly location: URL; readonly chunks: readonly Buffer[] }): Promise<string | null> {
  const { scratch, chunks } = upload;
  let { location } = upload;
  let sent = 0;
  for (const chunk of chunks) {
    const headers = { 'content-type': 'application/octet-stream', 'content-length': String(chunk.length), 'content-range': `${sent}-${sent + chunk.length - 1}` };
    const reply = await session.send(scratch.endpoint, { method: 'PATCH', path: location, headers, body: chunk, operation: 'uploading a chunk', actions: PUSH });
    const next = scratch.locationOf(reply);
    if (!isDone(reply)) {
      await scratch.cancel(location);
      return `a chunk of ${chunk.length} bytes is answered ${reply.said}`;
    }
    location = next ?? location;
    sent += chunk.length;
  }
  const ended = await scratch.finish(location, Buffer.alloc(0), digestOf(Buffer.concat(chunks)));
  return isDone(ended) ? null : `the end of an upload in chunks is answered ${ended.said}`;
}

/** Whether a blob of the one repository comes into the other without its bytes. */
export async function probeMount(session: ProbeSession, { main, second, blob }: Ground): Promise<void> {
  const digest = digestOf(blob);
  const { reply, location } = await second.begin({ digest, from: main.endpoint.name });
  await second.cancel(location);
  if (reply.status === 201) {
    const head = await readBlob(session, second, { digest, method: 'HEAD' });
    session.found('mounts', head.status === 200, head.status === 200 ? `a blob of ${main.endpoint.name} was mounted` : `a mount is answered 201, and the blob is not there (${head.said})`);
  } else if (reply.status === 202) {
    session.found('mounts', false, 'a mount is answered 202: upload it');
  } else {
    session.unknown(['mounts'], `a mount is answered ${reply.said}`);
  }
}
