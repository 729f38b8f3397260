import { createHash } from 'node:crypto';

/** Where something is pushed to. */
export interface PushTarget {
  /** Of a registry without authentication. */
  readonly url: string;
  readonly repository: string;
}

/** What a manifest says of something that was pushed. */
export interface PushedDescriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** Pushes a blob, as other programs than ours do. @throws Error when the registry refuses it. */
export async function pushBlob({ url, repository }: PushTarget, bytes: Buffer, mediaType: string): Promise<PushedDescriptor> {
  const digest = digestOf(bytes);
  const begun = await fetch(`${url}/v2/${repository}/blobs/uploads/`, { method: 'POST' });
  const where = new URL(begun.headers.get('location') ?? '', url);
  where.searchParams.set('digest', digest);
  await accepted(await fetch(where, { method: 'PUT', headers: { 'content-type': 'application/octet-stream' }, body: new Uint8Array(bytes) }));
  return { mediaType, digest, size: bytes.length };
}

/** Pushes a manifest or an index, under a tag or by its digest alone. @throws Error when the registry refuses it. */
export async function pushManifest({ url, repository }: PushTarget, body: Readonly<Record<string, unknown>> & { readonly mediaType: string }, tag?: string): Promise<PushedDescriptor> {
  const bytes = Buffer.from(JSON.stringify(body));
  const digest = digestOf(bytes);
  await accepted(await fetch(`${url}/v2/${repository}/manifests/${tag ?? digest}`, { method: 'PUT', headers: { 'content-type': body.mediaType }, body: new Uint8Array(bytes) }));
  return { mediaType: body.mediaType, digest, size: bytes.length };
}

async function accepted(answer: Response): Promise<void> {
  if (answer.status !== 201) {
    throw new Error(`the registry answered with ${answer.status}: ${await answer.text()}`);
  }
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
