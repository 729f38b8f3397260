import type { Readable } from 'node:stream';

import { ProxyError } from '@oci-package-proxy/errors';

import { type Digest, isDigest } from '../model/digest.ts';
import { notInBlob } from '../verify/byte-range.ts';
import type { Action } from './auth/scope.ts';
import { readAnswer } from './http/body.ts';
import { codedFailure, contentCoding } from './http/content-coding.ts';
import { contentLength, headerText, type OpenAnswer, type RegistryRequest } from './http/exchange.ts';
import { saysMissing, statusFailure } from './http/failures.ts';
import { PULL, PUSH, type RepositoryEndpoint } from './repository-endpoint.ts';

const SMALL = 65_536;

/** Where to begin and, inclusive, to end; `end: null` is the end of the blob. Bytes. */
export interface PartRequest {
  readonly start: number;
  readonly end: number | null;
}

/** A body that carries a part of a blob, or more. */
export interface OpenPart {
  readonly body: Readable;
  /** Bytes of `body` that lie before the part: the registry ignored the range. */
  readonly skip: number;
  /** Bytes of the whole blob. */
  readonly size: number;
  /** How something on the way coded the body, unasked; `null`: it did not. */
  readonly coding: string | null;
}

/** Which blob, for whom. */
export interface BlobQuery {
  readonly digest: Digest;
  readonly signal?: AbortSignal | undefined;
}

/**
 * GET of a blob or of a part of it. `null`: not there.
 * @throws ProxyError `range-not-satisfiable` when the part does not lie in the blob.
 */
export async function openPart(endpoint: RepositoryEndpoint, blob: BlobQuery, part: PartRequest): Promise<OpenPart | null> {
  const whole = part.start === 0 && part.end === null;
  const request = blobRequest(endpoint, 'GET', { ...blob, ...(whole ? {} : { range: `bytes=${part.start}-${part.end ?? ''}` }) });
  const answer = await endpoint.client.open(request);
  const coding = contentCoding(answer.headers);
  if (coding !== null && answer.status < 300 && !whole) {
    // A part of a coded body is not that part of the blob, and nothing would tell.
    answer.body.destroy();
    throw codedFailure(request.subject, answer.url.host, coding);
  }
  if (answer.status === 200) {
    return { body: answer.body, skip: part.start, size: await sizeOf(endpoint, blob, answer, contentLength(answer.headers)), coding };
  }
  if (answer.status === 206 && !whole) {
    const given = contentRange(answer);
    if (given === null || given.start !== part.start) {
      answer.body.destroy();
      throw new ProxyError('storage-unavailable', `${request.subject}: ${answer.url.host} sent another part than the one asked for`);
    }
    return { body: answer.body, skip: 0, size: await sizeOf(endpoint, blob, answer, given.size), coding };
  }
  const failed = await readAnswer(answer, request, SMALL);
  if (saysMissing(failed)) {
    return null;
  }
  throw failed.status === 416 ? notInBlob(request.subject) : statusFailure(failed, request.subject);
}

/** HEAD of a blob: its size in bytes, or `null` when it is not there. A presigned HEAD that fails is made up for by a GET of one byte. */
export async function statBlob(endpoint: RepositoryEndpoint, blob: BlobQuery): Promise<number | null> {
  const request = blobRequest(endpoint, 'HEAD', blob);
  const answer = await endpoint.client.ask(request);
  if (saysMissing(answer)) {
    return null;
  }
  const size = answer.status === 200 && contentCoding(answer.headers) === null ? contentLength(answer.headers) : null;
  if (size !== null) {
    return size;
  }
  if (answer.status !== 200 && !answer.foreign) {
    throw statusFailure(answer, request.subject);
  }
  return statByReading(endpoint, blob);
}

/** HEAD of a blob before it is uploaded, without retries: the upload's own loop has them. */
export async function holdsBlob(endpoint: RepositoryEndpoint, blob: BlobQuery & { readonly size: number }): Promise<boolean> {
  const answer = await endpoint.client.askOnce(blobRequest(endpoint, 'HEAD', { ...blob, actions: PUSH }));
  // Any doubt is answered by uploading: the registry then finds out by itself that it has the blob.
  return answer.status === 200 && contentLength(answer.headers) === blob.size;
}

async function statByReading(endpoint: RepositoryEndpoint, blob: BlobQuery): Promise<number | null> {
  const request = blobRequest(endpoint, 'GET', { ...blob, range: 'bytes=0-0' });
  const answer = await endpoint.client.open(request);
  if (answer.status === 200 || answer.status === 206) {
    answer.body.destroy();
    return shownSize(endpoint, blob, answer);
  }
  const failed = await readAnswer(answer, request, SMALL);
  if (saysMissing(failed)) {
    return null;
  }
  throw statusFailure(failed, request.subject);
}

function shownSize(endpoint: RepositoryEndpoint, blob: BlobQuery, answer: OpenAnswer): number {
  const coding = contentCoding(answer.headers);
  const subject = endpoint.subject(`looking up blob ${blob.digest}`);
  if (coding !== null) {
    throw codedFailure(subject, answer.url.host, coding);
  }
  const size = answer.status === 200 ? contentLength(answer.headers) : (contentRange(answer)?.size ?? null);
  if (size === null) {
    throw new ProxyError('storage-unavailable', `${subject}: ${answer.url.host} does not say how long it is`);
  }
  return size;
}

async function sizeOf(endpoint: RepositoryEndpoint, blob: BlobQuery, answer: OpenAnswer, stated: number | null): Promise<number> {
  if (stated !== null) {
    return stated;
  }
  try {
    const size = await statBlob(endpoint, blob);
    if (size !== null) {
      return size;
    }
  } catch (error) {
    answer.body.destroy();
    throw error;
  }
  answer.body.destroy();
  throw new ProxyError('storage-unavailable', `${endpoint.subject(`reading blob ${blob.digest}`)}: the registry does not say how long it is`);
}

function blobRequest(
  endpoint: RepositoryEndpoint,
  method: 'GET' | 'HEAD',
  blob: BlobQuery & { readonly range?: string; readonly actions?: readonly Action[] },
): RegistryRequest {
  if (!isDigest(blob.digest)) {
    throw new ProxyError('invalid', `a blob in ${endpoint.name}: not named by a sha256 digest`);
  }
  return endpoint.request({
    method,
    path: `blobs/${blob.digest}`,
    ...(blob.range === undefined ? {} : { headers: { range: blob.range } }),
    operation: `${method === 'GET' ? 'reading' : 'looking up'} blob ${blob.digest}`,
    actions: blob.actions ?? PULL,
    signal: blob.signal,
  });
}

function contentRange(answer: OpenAnswer): { start: number; size: number | null } | null {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(headerText(answer.headers, 'content-range') ?? '');
  if (match === null || Number(match[2]) < Number(match[1])) {
    return null;
  }
  return { start: Number(match[1]), size: match[3] === '*' ? null : Number(match[3]) };
}
