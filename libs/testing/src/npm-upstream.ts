import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

/** One package version of the scripted upstream. */
export interface UpstreamVersion {
  readonly name: string;
  readonly version: string;
  /** Size of the tarball in bytes; its content is made of one random piece, repeated. */
  readonly bytes: number;
  /** Bytes a second that the tarball is sent at; as fast as it goes when absent. */
  readonly bytesPerSecond?: number;
  /** What is wrong with the tarball: other bytes than the integrity says, or an end before its length. */
  readonly fault?: 'wrong-bytes' | 'truncated';
}

/** A scripted npm upstream on loopback. */
export interface NpmUpstream {
  readonly url: string;
  /** Paths asked for, in order. */
  readonly requests: readonly string[];
  /** sha512 integrity as the index shows it. */
  integrityOf(name: string, version: string): string;
  /** `up`, or how it fails: answers 503, or takes connections and drops them. */
  mode: 'up' | 'error' | 'drop';
  close(): Promise<void>;
}

const PIECE = 64 * 1024;

/** Starts an upstream that has `versions`. */
export async function startNpmUpstream(versions: readonly UpstreamVersion[]): Promise<NpmUpstream> {
  const requests: string[] = [];
  const served = versions.map((version) => ({ ...version, ...piecesOf(version.bytes) }));
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    void answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const url = `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`;
  const upstream: NpmUpstream = {
    url,
    requests,
    mode: 'up',
    integrityOf: (name, version) => served.find((one) => one.name === name && one.version === version)?.integrity ?? '',
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return upstream;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (upstream.mode === 'drop') {
      request.socket.destroy();
      return;
    }
    if (upstream.mode === 'error') {
      response.writeHead(503).end('down for a test');
      return;
    }
    const path = decodeURIComponent(request.url ?? '').slice(1);
    const file = served.find((one) => path === `${one.name}/-/${one.name.split('/').at(-1)}-${one.version}.tgz`);
    if (file !== undefined) {
      await sendTarball(file, response);
      return;
    }
    const found = served.filter((one) => one.name === path);
    if (found.length === 0) {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"not found"}');
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(packument(url, path, found)));
  }
}

type Served = UpstreamVersion & ReturnType<typeof piecesOf>;

function piecesOf(bytes: number): { piece: Buffer; integrity: string; shasum: string } {
  const piece = randomBytes(PIECE);
  const sha512 = createHash('sha512');
  const sha1 = createHash('sha1');
  for (let sent = 0; sent < bytes; sent += PIECE) {
    const part = piece.subarray(0, Math.min(PIECE, bytes - sent));
    sha512.update(part);
    sha1.update(part);
  }
  return { piece, integrity: `sha512-${sha512.digest('base64')}`, shasum: sha1.digest('hex') };
}

function packument(url: string, name: string, found: readonly Served[]): unknown {
  const time = '2024-05-01T12:00:00.000Z';
  return {
    _id: name,
    _rev: '1-abc',
    name,
    'dist-tags': { latest: found.at(-1)?.version },
    versions: Object.fromEntries(
      found.map(({ version, integrity, shasum }) => [
        version,
        { name, version, dist: { integrity, shasum, tarball: `${url}/${name}/-/${name.split('/').at(-1)}-${version}.tgz` } },
      ]),
    ),
    time: { created: time, modified: time, ...Object.fromEntries(found.map(({ version }) => [version, time])) },
  };
}

async function sendTarball(file: Served, response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': file.bytes });
  const closed = once(response, 'close').catch(() => undefined);
  for (let sent = 0; sent < file.bytes && !response.destroyed; sent += PIECE) {
    if (file.fault === 'truncated' && sent > file.bytes / 2) {
      response.destroy();
      return;
    }
    const part = Buffer.from(file.piece.subarray(0, Math.min(PIECE, file.bytes - sent)));
    if (file.fault === 'wrong-bytes' && sent === 0) {
      part[0] = (part[0] ?? 0) ^ 1;
    }
    if (!response.write(part)) {
      await Promise.race([new Promise((resolve) => response.once('drain', resolve)), closed]);
    }
    if (file.bytesPerSecond !== undefined) {
      await new Promise((resolve) => setTimeout(resolve, (part.length / (file.bytesPerSecond ?? 1)) * 1000));
    }
  }
  response.end();
}
