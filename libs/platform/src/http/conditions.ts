import type { IncomingHttpHeaders } from 'node:http';

/** What a representation can be compared by. */
export interface Validators {
  /** As it is sent, with quotes and `W/` where weak. */
  readonly etag: string;
}

const ENTITY_TAG = /\s*((?:W\/)?"[\x21\x23-\x7e\x80-\xff]*")\s*(?:,|$)/gy;

/** Outcome of the preconditions of a GET or HEAD, in the order of RFC 9110 §13.2.2: proceed, 304 or 412. */
export function evaluateConditions(headers: IncomingHttpHeaders, validators: Validators): 'proceed' | 'not-modified' | 'failed' {
  const ifMatch = headers['if-match'];
  if (ifMatch !== undefined && !matches(ifMatch, validators.etag, 'strong')) {
    return 'failed';
  }
  const ifNoneMatch = headers['if-none-match'];
  if (ifNoneMatch !== undefined && matches(ifNoneMatch, validators.etag, 'weak')) {
    return 'not-modified';
  }
  return 'proceed';
}

/** Whether a Range header may be honoured: RFC 9110 §13.1.5. A date never matches, for we give out none. */
export function rangeStillValid(headers: IncomingHttpHeaders, validators: Validators): boolean {
  const ifRange = headers['if-range'];
  const given = typeof ifRange === 'string' ? ifRange.trim() : undefined;
  return given === undefined || (given === validators.etag && !given.startsWith('W/'));
}

function matches(header: string, etag: string, comparison: 'strong' | 'weak'): boolean {
  if (header.trim() === '*') {
    return true;
  }
  const strip = (tag: string): string => tag.replace(/^W\//, '');
  return entityTags(header).some((tag) => (comparison === 'weak' ? strip(tag) === strip(etag) : tag === etag && !tag.startsWith('W/')));
}

function entityTags(header: string): string[] {
  return [...header.matchAll(ENTITY_TAG)].map((match) => match[1] ?? '');
}
