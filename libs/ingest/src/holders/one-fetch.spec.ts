import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';

import type { DownloadRequest, Downloads, DownloadSource } from '@oci-package-proxy/upstream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { sha256Of, startDownloads } from '../sample-downloads.contract.ts';
import { type HolderTable, InProcessHolders } from './in-process-holders.ts';
import { WithHolders } from './with-holders.ts';

const CONTENT = randomBytes(2 * 2 ** 20);
const KEY = 'first/left/left-1.0.0.bin/sha256:00';

/** A front end with a spool of its own. */
interface Node {
  readonly downloads: WithHolders;
  readonly spool: Downloads;
  readonly id: string;
  stop(): Promise<void>;
}

describe('one fetch for a whole cluster', () => {
  let nodes: Node[];
  let upstream: DownloadSource & { opened: number };

  beforeEach(async () => {
    const table: HolderTable = { leases: new Map(), urls: new Map() };
    nodes = [];
    upstream = slowSource();
    for (let index = 0; index < 3; index += 1) {
      const { downloads, stop } = await startDownloads();
      const holders = new InProcessHolders({ table });
      const peer = async (id: string): Promise<DownloadSource | null> => spoolOf(nodes.find((node) => node.id === id));
      nodes.push({ downloads: new WithHolders(downloads, holders, peer), spool: downloads, id: holders.id, stop });
    }
  });
  afterEach(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
  });

  function requestFor(): DownloadRequest {
    return { key: KEY, expected: { sha256: sha256Of(CONTENT) }, subject: 'file', sources: [upstream] };
  }

  async function read(node: Node | undefined): Promise<string> {
    const download = await node?.downloads.open(requestFor());
    return sha256Of(await buffer(download?.stream() ?? Readable.from([])));
  }

  it('asks upstream once for thirty readers of three processes that come at the same moment', async () => {
    const readers = Array.from({ length: 30 }, (_, index) => read(nodes[index % 3]));

    const digests = await Promise.all(readers);

    expect(new Set(digests)).toEqual(new Set([sha256Of(CONTENT)]));
    expect(upstream.opened).toBe(1);
  });

  it('goes on from upstream when the process that fetches is killed in the middle', async () => {
    const [first, second] = nodes;
    const download = await first?.downloads.open(requestFor());
    const leaving = download?.stream();
    leaving?.on('error', () => undefined).resume();
    const staying = read(second);
    await pause(60);

    await first?.spool.close();
    const digest = await staying;

    expect(digest).toBe(sha256Of(CONTENT));
    expect(upstream.opened).toBe(2);
  });
});

/** Upstream: slow to answer, then 64 KiB every few milliseconds. It can go on in the middle. */
function slowSource(): DownloadSource & { opened: number } {
  const source = {
    name: 'upstream',
    opened: 0,
    open: async ({ offset }: { readonly offset: number }) => {
      source.opened += 1;
      await pause(30);
      return { offset, size: CONTENT.length, validator: '"1"', stream: Readable.from(pieces(offset)) };
    },
  };
  return source;
}

async function* pieces(offset: number): AsyncGenerator<Buffer> {
  for (let start = offset; start < CONTENT.length; start += 64 * 1024) {
    await pause(5);
    yield CONTENT.subarray(start, start + 64 * 1024);
  }
}

/** What the internal port serves. */
function spoolOf(node: Node | undefined): DownloadSource {
  return {
    name: `spool of ${node?.id}`,
    open: async ({ offset }) => {
      const download = node?.spool.find(KEY) ?? null;
      return download === null ? null : { offset, size: download.size, validator: null, stream: download.stream({ start: offset }) };
    },
  };
}
