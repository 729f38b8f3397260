import { createHash } from 'node:crypto';
import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import type { Readable } from 'node:stream';

/** What a HEAD of a manifest says. */
export interface ManifestHead {
  readonly mediaType: string | null;
  readonly size: number | null;
  readonly digest: string | null;
}

/** A manifest as it came. */
export interface ReadManifest extends ManifestHead {
  readonly bytes: Buffer;
}

/** A blob that was read to its end. */
export interface ReadBlob {
  readonly size: number;
  /** `sha256:<hex>` of what came. */
  readonly digest: string;
  /** The last bytes of it: 1 MiB or somewhat more, or all. */
  readonly tail: Buffer;
}

/** One repository, as a reader of it sees it. A missing thing is null. */
export interface OciSource {
  readonly repository: string;
  /** Status of `GET /v2/`; null where nothing is asked by HTTP. */
  ping(): Promise<number | null>;
  tags(): Promise<readonly string[] | null>;
  head(reference: string): Promise<ManifestHead | null>;
  manifest(reference: string, mediaType: string): Promise<ReadManifest | null>;
  blob(digest: string): Promise<ReadBlob | null>;
}

/** What OpenTofu says that it takes when it asks for a tag. */
const ACCEPT = [
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.artifact.manifest.v1+json',
].join(', ');
const TAIL = 1024 * 1024;

/** A repository of a running registry, by the requests that OpenTofu makes. @param options.ca PEM, for https. */
export function httpOciSource(options: { readonly url: string; readonly repository: string; readonly ca?: string }): OciSource {
  const base = `${options.url}/v2/${options.repository}`;
  const ask = async (url: string, method: 'GET' | 'HEAD', accept?: string): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const send = url.startsWith('https:') ? tlsRequest : plainRequest;
      const headers = accept === undefined ? {} : { accept };
      send(url, { method, headers, agent: false, ...(options.ca !== undefined && { ca: options.ca }) }, resolve).once('error', reject).end();
    });
  const found = async (url: string, method: 'GET' | 'HEAD', accept?: string): Promise<IncomingMessage | null> => {
    const answer = await ask(url, method, accept);
    if (answer.statusCode === 404) {
      answer.resume();
      return null;
    }
    if (answer.statusCode !== 200) {
      throw new Error(`${method} ${url} was answered with ${answer.statusCode}`);
    }
    return answer;
  };
  return {
    repository: options.repository,
    ping: async () => (await ask(`${options.url}/v2/`, 'GET')).resume().statusCode ?? 0,
    tags: async () => {
      const tags: string[] = [];
      for (let url: string | null = `${base}/tags/list`; url !== null; ) {
        const answer = await found(url, 'GET');
        if (answer === null) {
          return null;
        }
        tags.push(...((JSON.parse((await bytesOf(answer)).toString()) as { tags: string[] | null }).tags ?? []));
        const next = /<([^>]+)>; *rel="?next/.exec(String(answer.headers.link ?? ''))?.[1];
        url = next === undefined ? null : new URL(next, url).href;
      }
      return tags;
    },
    head: async (reference) => {
      const answer = await found(`${base}/manifests/${reference}`, 'HEAD', ACCEPT);
      return answer === null ? null : headOf(answer.resume());
    },
    manifest: async (reference, mediaType) => {
      const answer = await found(`${base}/manifests/${reference}`, 'GET', mediaType);
      return answer === null ? null : { ...headOf(answer), bytes: await bytesOf(answer) };
    },
    blob: async (digest) => {
      const answer = await found(`${base}/blobs/${digest}`, 'GET');
      return answer === null ? null : readBlob(answer);
    },
  };
}

/** What is needed of a repository of our own port; {@link portOciSource} reads it. */
export interface PortRepository {
  readonly name: string;
  listTags(): AsyncIterable<readonly string[]>;
  readManifest(reference: string): Promise<{ readonly mediaType: string; readonly digest: string; readonly bytes: Uint8Array } | null>;
  readBlob(digest: never): Promise<{ readonly stream: Readable } | null>;
}

/** A repository behind our own port: a memory registry or a layout, for specs. */
export function portOciSource(repository: PortRepository): OciSource {
  const read = async (reference: string): Promise<ReadManifest | null> => {
    const manifest = await repository.readManifest(reference);
    return manifest === null ? null : { mediaType: manifest.mediaType, size: manifest.bytes.length, digest: manifest.digest, bytes: Buffer.from(manifest.bytes) };
  };
  return {
    repository: repository.name,
    ping: async () => Promise.resolve(null),
    tags: async () => {
      const tags = new Set<string>();
      for await (const page of repository.listTags()) {
        page.forEach((tag) => tags.add(tag));
      }
      return tags.size === 0 ? null : [...tags];
    },
    head: read,
    manifest: read,
    blob: async (digest) => {
      const blob = await repository.readBlob(digest as never);
      return blob === null ? null : readBlob(blob.stream);
    },
  };
}

function headOf({ headers }: IncomingMessage): ManifestHead {
  const length = headers['content-length'];
  const digest = headers['docker-content-digest'];
  return { mediaType: headers['content-type'] ?? null, size: length === undefined ? null : Number(length), digest: typeof digest === 'string' ? digest : null };
}

async function bytesOf(stream: Readable): Promise<Buffer> {
  return Buffer.concat((await stream.toArray()) as Buffer[]);
}

async function readBlob(stream: Readable): Promise<ReadBlob> {
  const hash = createHash('sha256');
  let size = 0;
  let kept = 0;
  const last: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    hash.update(chunk);
    size += chunk.length;
    kept += chunk.length;
    last.push(chunk);
    for (let first = last[0]; first !== undefined && kept - first.length >= TAIL; first = last[0]) {
      last.shift();
      kept -= first.length;
    }
  }
  return { size, digest: `sha256:${hash.digest('hex')}`, tail: Buffer.concat(last) };
}
