import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';

import { ProxyError } from '@oci-package-proxy/errors';
import { isDigest } from '@oci-package-proxy/oci';
import { z } from 'zod';

import type { Entry } from './fold.ts';
import { parseJson } from './json-value.ts';
import type { PackageRef } from './package-ref.ts';
import { isStamp, kindOf } from './tags.ts';

const FORMAT = 1;
/** Largest snapshot that is read, in bytes after decompression. */
const MAX_BYTES = 512 * 1024 * 1024;

const DigestShape = z.custom<string>((value) => typeof value === 'string' && isDigest(value));
const StampShape = z.object({ sequence: z.number(), random: z.string() }).refine(isStamp);
const OriginShape = z.enum(['published', 'upstream']);
const FactShape = z.object({
  tag: z.string(),
  version: z.string(),
  digest: DigestShape,
  artifactType: z.string(),
  payload: z.string(),
  at: z.string(),
  origin: OriginShape,
  document: z.string(),
  layers: z.array(z.object({ mediaType: z.string(), digest: DigestShape, size: z.int().nonnegative(), annotations: z.record(z.string(), z.string()).optional() })),
  annotations: z.record(z.string(), z.string()),
  assign: z.record(z.string(), z.unknown()),
  stamp: StampShape.nullable(),
});
const EntryShape = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('fact'), tag: z.string(), digest: DigestShape, fact: FactShape }),
  z.object({
    kind: z.literal('event'),
    tag: z.string(),
    digest: DigestShape,
    event: z.object({ key: z.string(), value: z.unknown(), at: z.string(), by: z.string(), stamp: StampShape }),
  }),
  z.object({ kind: z.literal('deletion'), tag: z.string() }),
  z.object({ kind: z.literal('origin'), tag: z.string(), digest: DigestShape, origin: OriginShape }),
  z.object({ kind: z.literal('ignored'), tag: z.string(), digest: DigestShape }),
]);

/** The entries of a fold as gzip of one JSON text a line, the first naming the package. Equal entries have equal bytes. */
export async function encodeSnapshot(ref: PackageRef, entries: Iterable<Entry>): Promise<Buffer> {
  const sorted = [...entries].sort((left, right) => (left.tag < right.tag ? -1 : 1));
  const chunks: Buffer[] = [];
  await pipeline(Readable.from(linesOf(ref, sorted)), createGzip(), async (compressed: AsyncIterable<Buffer>) => {
    for await (const chunk of compressed) {
      chunks.push(chunk);
    }
  });
  return Buffer.concat(chunks);
}

/**
 * The entries in a snapshot, by tag.
 * @throws ProxyError `integrity` when any of it is not what {@link encodeSnapshot} writes for `ref`; whatever `stream` fails with.
 */
export async function decodeSnapshot(ref: PackageRef, stream: Readable): Promise<ReadonlyMap<string, Entry>> {
  const entries = new Map<string, Entry>();
  let expected: string | null = headerOf(ref);
  await pipeline(stream, createGunzip(), async (content: AsyncIterable<Buffer>) => {
    for await (const line of linesIn(content)) {
      if (expected === null) {
        const entry = decodeEntry(line);
        entries.set(entry.tag, entry);
        continue;
      }
      if (line !== expected) {
        throw new ProxyError('integrity', `The snapshot of ${ref.repository} is not one of this package.`);
      }
      expected = null;
    }
  });
  if (expected !== null) {
    throw new ProxyError('integrity', `The snapshot of ${ref.repository} is empty.`);
  }
  return entries;
}

function headerOf({ ecosystem, name }: PackageRef): string {
  return JSON.stringify({ format: FORMAT, ecosystem, name });
}

function* linesOf(ref: PackageRef, entries: readonly Entry[]): Iterable<string> {
  yield `${headerOf(ref)}\n`;
  for (const entry of entries) {
    yield `${JSON.stringify(entry)}\n`;
  }
}

async function* linesIn(content: AsyncIterable<Buffer>): AsyncIterable<string> {
  let size = 0;
  let begun: Buffer[] = [];
  for await (const chunk of content) {
    size += chunk.length;
    if (size > MAX_BYTES) {
      throw new ProxyError('integrity', `A snapshot has more than ${MAX_BYTES} bytes.`);
    }
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      begun.push(chunk.subarray(start, end));
      yield Buffer.concat(begun).toString('utf8');
      begun = [];
      start = end + 1;
    }
    begun.push(chunk.subarray(start));
  }
  if (begun.some(({ length }) => length > 0)) {
    throw new ProxyError('integrity', 'A snapshot ends within a line.');
  }
}

function decodeEntry(line: string): Entry {
  const value: unknown = parseJson(line);
  if (!EntryShape.safeParse(value).success || !agrees(value as Entry)) {
    throw new ProxyError('integrity', 'A snapshot has a line that cannot be read.');
  }
  return value as Entry;
}

// What an entry says twice, it must say alike.
function agrees(entry: Entry): boolean {
  const kind = kindOf(entry.tag);
  if (entry.kind === 'ignored') {
    return kind === 'fact' || kind === 'event' || kind === 'origin';
  }
  if (entry.kind === 'fact' && (entry.fact.tag !== entry.tag || entry.fact.digest !== entry.digest)) {
    return false;
  }
  return kind === entry.kind && (entry.kind !== 'event' || entry.event.value !== undefined);
}
